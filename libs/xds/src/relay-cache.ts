import type { EncodedResource, ResourceSet } from "@weft/envoy-api";
import type { Wanted, XdsUpdate } from "./client-subscription.ts";
import type { ReceivedResource } from "./decode-response.ts";
import { resourceSetOf } from "./resource-set.ts";

type Resources = ReadonlyMap<string, EncodedResource>;

/** What a relay knows of one type. Immutable. */
interface CachedType {
  /** What the client accepted: what the next client is given. */
  readonly accepted: Resources;
  /** What the present client was given; more than `accepted` while it has not answered, and where it rejected. */
  readonly offered: Resources;
  /** Names that the server does not have. */
  readonly missing: ReadonlySet<string>;
  /** The server has answered a subscription to the whole type. */
  readonly whole: boolean;
}

/** What a relay holds for its client, by type URL. Immutable: every change makes another one. */
export type RelayCache = ReadonlyMap<string, CachedType>;

const nothing: CachedType = { accepted: new Map(), offered: new Map(), missing: new Set(), whole: false };

/** The cache once an update of the server is offered to the client. Copies the update's bytes. */
export function onOffered(cache: RelayCache, update: XdsUpdate, wanted: Wanted): RelayCache {
  const before = cache.get(update.typeUrl) ?? nothing;
  const missing = new Set(before.missing);
  for (const name of update.changed.keys()) missing.delete(name);
  if (wanted !== "*") for (const name of update.removed) if (wanted.has(name)) missing.add(name);
  const offered = apply(before.offered, update);
  return with_(cache, update.typeUrl, { ...before, offered, missing, whole: before.whole || wanted === "*" });
}

/** The cache once the client accepted an update. Of a rejected one nothing is accepted, and nothing is taken back. */
export function onUpdateAccepted(cache: RelayCache, update: XdsUpdate): RelayCache {
  const before = cache.get(update.typeUrl) ?? nothing;
  const accepted = new Map(before.accepted);
  for (const name of update.changed.keys()) {
    const resource = before.offered.get(name);
    if (resource !== undefined) accepted.set(name, resource);
  }
  for (const name of update.removed) accepted.delete(name);
  return with_(cache, update.typeUrl, { ...before, accepted });
}

/** The cache once other names are wanted of a type: the rest is forgotten. */
export function onWantedNames(cache: RelayCache, typeUrl: string, names: ReadonlySet<string>): RelayCache {
  const before = cache.get(typeUrl) ?? nothing;
  const keep = (resources: Resources) => new Map([...resources].filter(([name]) => names.has(name)));
  const missing = new Set([...before.missing].filter((name) => names.has(name)));
  return with_(cache, typeUrl, {
    accepted: keep(before.accepted),
    offered: keep(before.offered),
    missing,
    whole: false,
  });
}

/** The cache for a new client: it is given what the last one accepted. */
export function onNewClient(cache: RelayCache): RelayCache {
  return new Map([...cache].map(([typeUrl, type]) => [typeUrl, { ...type, offered: type.accepted }]));
}

/** Versions of what was accepted of a type, by name. */
export function versionsOf(cache: RelayCache, typeUrl: string): ReadonlyMap<string, string> {
  const { accepted } = cache.get(typeUrl) ?? nothing;
  return new Map([...accepted].map(([name, { version }]) => [name, version]));
}

/** What the present client should have. What the server has not answered for yet, it is not told anything about. */
export function toResourceSet(cache: RelayCache, previous?: ResourceSet): ResourceSet {
  const types = new Map([...cache].map(([typeUrl, { offered }]) => [typeUrl, offered]));
  return {
    ...resourceSetOf(types, previous),
    knows: (typeUrl, name) => {
      const { whole, offered, missing } = cache.get(typeUrl) ?? nothing;
      return whole || (name !== undefined && (offered.has(name) || missing.has(name)));
    },
  };
}

function with_(cache: RelayCache, typeUrl: string, type: CachedType): RelayCache {
  return new Map(cache).set(typeUrl, type);
}

function apply(before: Resources, update: XdsUpdate): Resources {
  const after = new Map(before);
  for (const [name, resource] of update.changed) after.set(name, copy(resource));
  for (const name of update.removed) after.delete(name);
  return after;
}

/** A resource of its own, that does not keep the response it came by in memory. */
function copy({ name, typeUrl, version, any }: ReceivedResource): EncodedResource {
  return { name, typeUrl, version, any: new Uint8Array(any), origin: [] };
}
