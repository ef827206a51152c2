import type { ResourceSet } from "@weft/envoy-api";
import { resourceType } from "./resource-types.ts";
import type { Subscription } from "./subscription.ts";

/** Which parts ({@link ResourceType.partsOf}) may be sent to a client now, and which may be taken from it. */
export interface Parts {
  /** The client has the owner. */
  readonly wanted: (name: string) => boolean;
  /**
   * The owner is gone, but the client still holds on to it, as Envoy does to the table of a listener that drains: its parts stay
   * until the client lets go, or the owner is there again.
   */
  readonly staying: (name: string) => boolean;
  /** Whether there may be parts that are staying. */
  readonly orphans: boolean;
  /** Equal keys, equal answers. */
  readonly key: string;
}

const all: Parts = { wanted: () => true, staying: () => false, orphans: false, key: "" };

/** The owner that the name of a part says. */
export function ownerOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf("/")));
}

/** What holds for the parts of a type; all of them where the type has no owners, or the client does not ask for those. */
export function partsFor(
  { typeUrl }: Subscription,
  subscriptions: ReadonlyMap<string, Subscription>,
  target: ResourceSet,
): Parts {
  const { partsOf } = resourceType(typeUrl);
  const owners = partsOf === undefined ? undefined : subscriptions.get(partsOf);
  if (owners === undefined) return all;
  const { interest, held, unanswered } = owners;
  const present = target.ofType(owners.typeUrl);
  const names = [...(interest.wildcard ? held.keys() : interest.names)].sort();
  const had = new Set(names.filter((name) => held.has(name) && !unanswered.has(name)));
  const orphaned = new Set(names.filter((name) => !present.has(name)));
  return {
    wanted: (name) => had.has(ownerOf(name)),
    staying: (name) => orphaned.has(ownerOf(name)),
    orphans: orphaned.size > 0,
    key: `${[...had].join()}|${[...orphaned].join()}`,
  };
}

/** The subscription to parts after these owners were sent: all parts of theirs that the client may have are due again. */
export function onOwnersSent(parts: Subscription, owners: ReadonlySet<string>): Subscription {
  const due = [...parts.held.keys()].filter((name) => owners.has(ownerOf(name)));
  return due.length === 0 ? parts : { ...parts, unanswered: new Set([...parts.unanswered, ...due]) };
}
