import type { EncodedResource, ResourceSet } from "@weft/envoy-api";
import type { DiffMaps, Holding } from "./diff.ts";
import { covers, type Interest } from "./interest.ts";
import { compareTypes, resourceType } from "./resource-types.ts";
import { onWarming, type Subscription } from "./subscription.ts";

/** One response to be sent, and what its subscription becomes by that. */
export interface Push {
  readonly typeUrl: string;
  readonly version: string;
  readonly resources: readonly EncodedResource[];
  /** Names that the client is to drop, or that it asked for in vain; incremental streams only. */
  readonly removed: readonly string[];
  /** Names among `resources` that the client does not have in this version. */
  readonly changed: readonly string[];
  /** The subscription once this is sent, but for {@link Subscription.sent}. */
  readonly after: Subscription;
}

/** The subscriptions of one stream, by type URL. */
export type Subscriptions = ReadonlyMap<string, Subscription>;

/**
 * Says what the stream should be sent next to bring it to `target`; undefined where there is nothing, or nothing yet.
 * It looks at the state alone, so it is right after whatever happened: a request, an ACK, a new set. No queue is kept.
 *
 * Make before break, where one stream carries both: what refers to clusters waits until the clusters and endpoints are
 * sent and ACKed; clusters and endpoints that are gone are removed when all of that is sent and ACKed as well.
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#eventual-consistency-considerations
 * At most one response of a type is unanswered at a time.
 */
export function nextPush(
  subscriptions: Subscriptions,
  target: ResourceSet,
  diff: DiffMaps,
): Push | undefined {
  const ordered = [...subscriptions.values()].sort((a, b) => compareTypes(a.typeUrl, b.typeUrl));
  const stageOf = (subscription: Subscription) => resourceType(subscription.typeUrl).stage;
  const makeBeforeBreak = ordered.some((subscription) => stageOf(subscription) === "use");
  const busy = { make: false, use: false, free: false };
  const breaking: Push[] = [];
  for (const subscription of ordered) {
    const stage = stageOf(subscription);
    const keep = stage === "make" && makeBeforeBreak;
    const push = pushOf(subscription, target, { keep, diff });
    const blocked = subscription.answer === "pending" || (stage === "use" && busy.make);
    if (push !== undefined && !blocked) return push;
    if (push !== undefined || subscription.answer === "pending") busy[stage] = true;
    const removal =
      keep && push === undefined ? pushOf(subscription, target, { keep: false, diff }) : undefined;
    if (removal !== undefined) breaking.push(removal);
  }
  return busy.make || busy.use ? undefined : breaking[0];
}

/**
 * The subscriptions that change when a push is sent: its own, and those that the client will now wait for. Nonce and
 * time are those of the response.
 */
export function onSent(
  subscriptions: Subscriptions,
  push: Push,
  sent: { readonly nonce: string; readonly at: number },
): Subscription[] {
  const own: Subscription = {
    ...push.after,
    sent: { nonce: sent.nonce, version: push.version, at: sent.at },
    answer: "pending",
    delivered: push.after.delivered || push.resources.length > 0,
  };
  if (push.changed.length === 0) return [own];
  const warmed = resourceType(push.typeUrl).warmedBy.flatMap((typeUrl) => subscriptions.get(typeUrl) ?? []);
  return [own, ...warmed.map((subscription) => onWarming(subscription, push.changed))];
}

/**
 * Whether the client has taken in, or rejected, all that `target` gives it of a type; removals that are held back aside.
 */
export function isSettled(subscription: Subscription, target: ResourceSet, diff: DiffMaps): boolean {
  return (
    subscription.answer !== "pending" && pushOf(subscription, target, { keep: true, diff }) === undefined
  );
}

/**
 * A subscription that needs nothing of `target`, brought to it without a response. So no stream keeps an old set alive.
 * Returns the subscription itself where it is there already, or still has something to get.
 */
export function settle(subscription: Subscription, target: ResourceSet, diff: DiffMaps): Subscription {
  const { typeUrl, heldVersion, leaving } = subscription;
  const version = target.typeVersion(typeUrl);
  if (heldVersion === version || leaving.size > 0 || target.knows !== undefined) return subscription;
  if (pushOf(subscription, target, { keep: false, diff }) !== undefined) return subscription;
  return { ...subscription, held: target.ofType(typeUrl), heldVersion: version };
}

interface PushOptions {
  /** Removals are held back. */
  readonly keep: boolean;
  readonly diff: DiffMaps;
}

function pushOf(subscription: Subscription, target: ResourceSet, options: PushOptions): Push | undefined {
  const { typeUrl, mode, interest, mustAnswer, unanswered, leaving, heldVersion, warming } = subscription;
  const version = target.typeVersion(typeUrl);
  const unchanged = heldVersion === version;
  if (unchanged && !mustAnswer && unanswered.size === 0 && leaving.size === 0) return undefined;
  const resources = target.ofType(typeUrl);
  const fullState = mode === "sotw" && resourceType(typeUrl).fullState;
  if ((fullState || interest.wildcard) && !knowsAll(interest, typeUrl, target)) return undefined;

  const { changed, asked, missing, unknown, left } = needsOf(subscription, target, options.diff);
  const removes = !options.keep && left.size > 0 && (mode === "delta" || fullState);
  // What a client has from an earlier stream is known by its version only, so another version replaces it unseen.
  const replaces = fullState && !unchanged && subscription.sent?.nonce === "";
  const answers = asked.size > 0 || missing.length > 0 || (mustAnswer && unknown.size === 0);
  if (!removes && !replaces && !answers) return undefined;

  const kept = options.keep ? left : none;
  const inFull = mode === "sotw" && (fullState || warming);
  return {
    typeUrl,
    // With resources that are only kept for now, the content is not that of the set's version.
    version: fullState && kept.size > 0 ? `${version}+${kept.size}` : version,
    resources: inFull ? [...covered(interest, resources), ...encoded(kept)] : inOrder(asked, resources),
    removed: mode === "delta" ? [...(options.keep ? [] : left.keys()), ...missing] : [],
    changed,
    after: {
      ...subscription,
      held: resources,
      heldVersion: version,
      unanswered: unknown,
      mustAnswer: false,
      leaving: kept,
      warming: false,
    },
  };
}

/** What a client lacks of a resource set, for one type. */
interface Needs {
  /** Names that it does not have in this version. */
  readonly changed: readonly string[];
  /** Those, and names that it asked for anew. */
  readonly asked: ReadonlySet<string>;
  /** Names that it asked for in vain. */
  readonly missing: readonly string[];
  /** Names that it has or asked for, and of which it is not known yet whether there is such a resource. */
  readonly unknown: ReadonlySet<string>;
  /** What it has and should not have. */
  readonly left: ReadonlyMap<string, Holding>;
}

function needsOf(subscription: Subscription, target: ResourceSet, diff: DiffMaps): Needs {
  const { typeUrl, interest, unanswered, leaving, held, heldVersion } = subscription;
  const resources = target.ofType(typeUrl);
  const difference = heldVersion === target.typeVersion(typeUrl) ? same : diff(held, resources);
  const changed = difference.changed.filter((name) => covers(interest, name));
  const asked = new Set(changed);
  const missing: string[] = [];
  const unknown = new Set<string>();
  for (const name of unanswered) {
    if (resources.has(name)) asked.add(name);
    else if (knows(target, typeUrl, name)) missing.push(name);
    else unknown.add(name);
  }
  const left = new Map<string, Holding>();
  for (const [name, holding] of leaving) {
    if (covers(interest, name) && !resources.has(name)) left.set(name, holding);
  }
  for (const name of difference.removed) {
    const holding = held.get(name);
    if (holding === undefined || !covers(interest, name)) continue;
    if (!knows(target, typeUrl, name)) unknown.add(name);
    else if (!unanswered.has(name)) left.set(name, holding);
  }
  return { changed, asked, missing, unknown, left };
}

const same = { changed: [], removed: [] };
const none: ReadonlyMap<string, never> = new Map<string, never>();

function knows(target: ResourceSet, typeUrl: string, name?: string): boolean {
  return target.knows === undefined || target.knows(typeUrl, name);
}

/** Whether it is known what there is of all that the client is interested in. */
function knowsAll(interest: Interest, typeUrl: string, target: ResourceSet): boolean {
  if (target.knows === undefined) return true;
  if (interest.wildcard && !knows(target, typeUrl)) return false;
  return [...interest.names].every((name) => knows(target, typeUrl, name));
}

type Resources = ReadonlyMap<string, EncodedResource>;

function covered(interest: Interest, resources: Resources): EncodedResource[] {
  return [...resources.values()].filter((resource) => covers(interest, resource.name));
}

/** The same resources give the same order, so that streams can share the response. */
function inOrder(names: ReadonlySet<string>, resources: Resources): EncodedResource[] {
  return [...names].sort().flatMap((name) => resources.get(name) ?? []);
}

/** Of a state-of-the-world stream, all that is held came out of a resource set. */
function encoded(holdings: ReadonlyMap<string, Holding>): EncodedResource[] {
  return [...holdings.values()].filter((holding): holding is EncodedResource => "any" in holding);
}
