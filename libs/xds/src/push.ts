import type { EncodedResource, ResourceSet } from "@weft/envoy-api";
import { diffMaps, type Holding } from "./diff.ts";
import { covers, type Interest } from "./interest.ts";
import type { Once } from "./once.ts";
import { onOwnersSent, type Parts, partsFor } from "./parts.ts";
import { retryContent } from "./rejection.ts";
import { compareTypes, partTypes, resourceType } from "./resource-types.ts";
import type { ResponseContent } from "./response.ts";
import { onWarming, type Subscription } from "./subscription.ts";

/** What is to be sent; the same object for all streams in the same situation. */
export interface Delivery extends ResponseContent {
  /** Names among `resources` that the client does not have in this version. */
  readonly changed: readonly string[];
  /** Names of which it is not known yet whether there is such a resource. */
  readonly unknown: ReadonlySet<string>;
  /** What the client has and should not have, but keeps for now. */
  readonly kept: ReadonlyMap<string, Holding>;
}

/** One response to be sent, and what its subscription becomes by that. */
export interface Push {
  readonly delivery: Delivery;
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
export function nextPush(subscriptions: Subscriptions, target: ResourceSet, once: Once): Push | undefined {
  const ordered = [...subscriptions.values()].sort((a, b) => compareTypes(a.typeUrl, b.typeUrl));
  const stageOf = (subscription: Subscription) => resourceType(subscription.typeUrl).stage;
  const makeBeforeBreak = ordered.some((subscription) => stageOf(subscription) === "use");
  const busy = { make: false, use: false, free: false };
  const breaking: Push[] = [];
  for (const subscription of ordered) {
    const stage = stageOf(subscription);
    const keep = stage === "make" && makeBeforeBreak;
    const parts = partsFor(subscription, subscriptions, target);
    const push = pushOf(subscription, target, { keep, once, parts }) ?? retryOf(subscription, target, parts);
    const blocked = subscription.answer === "pending" || (stage === "use" && busy.make);
    if (push !== undefined && !blocked) return push;
    if (push !== undefined || subscription.answer === "pending") busy[stage] = true;
    const removal =
      keep && push === undefined ? pushOf(subscription, target, { keep: false, once, parts }) : undefined;
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
  const { after } = push;
  const { version, typeUrl, resources, changed } = push.delivery;
  const own: Subscription = {
    ...after,
    sent: { nonce: sent.nonce, version, at: sent.at },
    answer: "pending",
    content: push.delivery,
    delivered: after.delivered || resources.length > 0,
  };
  const owners = new Set(resources.map(({ name }) => name));
  const parts = partTypes(typeUrl).flatMap((type) => subscriptions.get(type.typeUrl) ?? []);
  const due = parts.map((subscription) => onOwnersSent(subscription, owners));
  if (changed.length === 0) return [own, ...due];
  const warmed = resourceType(typeUrl).warmedBy.flatMap((type) => subscriptions.get(type) ?? []);
  return [own, ...due, ...warmed.map((subscription) => onWarming(subscription, changed))];
}

/**
 * Whether the client has taken in, or rejected, all that `target` gives it of a type; removals that are held back aside.
 */
export function isSettled(
  subscription: Subscription,
  target: ResourceSet,
  { once, subscriptions }: SettleOptions,
): boolean {
  if (subscription.answer === "pending") return false;
  const parts = partsFor(subscription, subscriptions, target);
  return (
    pushOf(subscription, target, { keep: true, once, parts }) === undefined &&
    retryOf(subscription, target, parts) === undefined
  );
}

/** What {@link isSettled} and {@link settle} look at besides the subscription and the set. */
export interface SettleOptions {
  readonly once: Once;
  /** All of the stream. */
  readonly subscriptions: Subscriptions;
}

/**
 * A subscription that needs nothing of `target`, brought to it without a response. So no stream keeps an old set alive.
 * Returns the subscription itself where it is there already, or still has something to get.
 */
export function settle(
  subscription: Subscription,
  target: ResourceSet,
  { once, subscriptions }: SettleOptions,
): Subscription {
  const { typeUrl, heldVersion, leaving } = subscription;
  const version = target.typeVersion(typeUrl);
  if (heldVersion === version || leaving.size > 0 || target.knows !== undefined) return subscription;
  const parts = partsFor(subscription, subscriptions, target);
  if (parts.orphans || pushOf(subscription, target, { keep: false, once, parts }) !== undefined)
    return subscription;
  return { ...subscription, held: target.ofType(typeUrl), heldVersion: version };
}

interface PushOptions {
  /** Removals are held back. */
  readonly keep: boolean;
  readonly once: Once;
  readonly parts: Parts;
}

function pushOf(subscription: Subscription, target: ResourceSet, options: PushOptions): Push | undefined {
  const { typeUrl, mode, interest, mustAnswer, unanswered, leaving, heldVersion, held, warming } =
    subscription;
  const version = target.typeVersion(typeUrl);
  const unchanged = heldVersion === version;
  if (unchanged && !mustAnswer && unanswered.size === 0 && leaving.size === 0) return undefined;
  const resources = target.ofType(typeUrl);
  const fullState = mode === "sotw" && resourceType(typeUrl).fullState;
  if ((fullState || interest.wildcard) && !knowsAll(interest, typeUrl, target)) return undefined;

  // What a client has from an earlier stream is known by its version only, so another version replaces it unseen.
  const replaces = fullState && !unchanged && subscription.sent?.nonce === "";
  const { keep, once, parts } = options;
  const work = { subscription, target, keep, replaces, once, parts };
  // What is not known yet may be known next time.
  const objects = target.knows === undefined && [held, resources, interest, unanswered, leaving];
  const variant = [typeUrl, mode, version, keep, replaces, unchanged, mustAnswer, warming, parts.key].join();
  const delivery = objects ? once(objects, variant, () => deliver(work)) : deliver(work);
  if (delivery === undefined) return undefined;
  const { unknown, kept } = delivery;
  const after = {
    ...subscription,
    held: resources,
    heldVersion: version,
    unanswered: unknown,
    mustAnswer: false,
    leaving: kept,
    warming: false,
    retriesSent: subscription.retries.length === 0 ? 0 : subscription.retriesSent,
  };
  return { delivery, after };
}

/** A part of a rejected response, when there is nothing new to send; see {@link onRejected}. */
function retryOf(subscription: Subscription, target: ResourceSet, parts: Parts): Push | undefined {
  const { typeUrl, retries, retriesSent, leaving } = subscription;
  for (const [index, retry] of retries.entries()) {
    const resources = target.ofType(typeUrl);
    const wanted = { ...retry, names: retry.names.filter(parts.wanted) };
    const content = retryContent(subscription, wanted, { version: target.typeVersion(typeUrl), resources });
    if (content === undefined) continue;
    const changed = content.resources.map(({ name }) => name);
    const after = { ...subscription, retries: retries.slice(index + 1), retriesSent: retriesSent + 1 };
    return { delivery: { ...content, changed, unknown: noNames, kept: leaving }, after };
  }
  return undefined;
}

interface DeliverInput {
  readonly subscription: Subscription;
  readonly target: ResourceSet;
  readonly keep: boolean;
  readonly replaces: boolean;
  readonly once: Once;
  readonly parts: Parts;
}

/** What is to be sent, undefined for nothing. It depends on no more than {@link pushOf} names to `once`. */
function deliver(input: DeliverInput): Delivery | undefined {
  const { subscription, target, keep, replaces } = input;
  const { typeUrl, mode, interest, mustAnswer, warming } = subscription;
  const resources = target.ofType(typeUrl);
  const version = target.typeVersion(typeUrl);
  const fullState = mode === "sotw" && resourceType(typeUrl).fullState;
  const { changed, asked, missing, unknown, left, staying } = needsOf(input);
  const removes = !keep && left.size > 0 && (mode === "delta" || fullState);
  const answers = asked.size > 0 || missing.length > 0 || (mustAnswer && unknown.size === 0);
  if (!removes && !replaces && !answers) return undefined;

  const kept = keep && left.size > 0 ? left : staying.size > 0 ? staying : none;
  const inFull = mode === "sotw" && (fullState || warming);
  return {
    mode,
    typeUrl,
    // With resources that are only kept for now, the content is not that of the set's version.
    version: fullState && kept.size > 0 ? `${version}+${kept.size}` : version,
    resources: inFull ? [...covered(interest, resources), ...encoded(kept)] : inOrder(asked, resources),
    removed: mode === "delta" ? [...(keep ? [] : left.keys()), ...missing] : [],
    changed,
    unknown: unknown.size > 0 ? unknown : noNames,
    kept,
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
  /** What it has and should not have, but keeps until it lets go of what that is a part of. */
  readonly staying: ReadonlyMap<string, Holding>;
}

function needsOf({ subscription, target, once, parts }: DeliverInput): Needs {
  const { typeUrl, interest, unanswered, leaving, held, heldVersion } = subscription;
  const resources = target.ofType(typeUrl);
  const difference =
    heldVersion === target.typeVersion(typeUrl)
      ? same
      : once([held, resources], "diff", () => diffMaps(held, resources));
  const changed = difference.changed.filter((name) => covers(interest, name) && parts.wanted(name));
  const asked = new Set(changed);
  const missing: string[] = [];
  const unknown = new Set<string>();
  for (const name of unanswered) {
    if (resources.has(name)) asked.add(name);
    else if (knows(target, typeUrl, name)) missing.push(name);
    else unknown.add(name);
  }
  const left = new Map<string, Holding>();
  const staying = new Map<string, Holding>();
  const leave = (name: string, holding: Holding) => (parts.staying(name) ? staying : left).set(name, holding);
  for (const [name, holding] of leaving) {
    if (covers(interest, name) && !resources.has(name) && !unanswered.has(name)) leave(name, holding);
  }
  for (const name of difference.removed) {
    const holding = held.get(name);
    if (holding === undefined || !covers(interest, name)) continue;
    if (!knows(target, typeUrl, name)) unknown.add(name);
    else if (!unanswered.has(name)) leave(name, holding);
  }
  return { changed, asked, missing, unknown, left, staying };
}

const same = { changed: [], removed: [] };
const none: ReadonlyMap<string, never> = new Map<string, never>();
const noNames: ReadonlySet<string> = new Set();

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
