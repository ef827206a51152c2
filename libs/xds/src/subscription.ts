import type { Holding } from "./diff.ts";
import { covers, deltaInterest, type Interest, sotwInterest } from "./interest.ts";
import { onRejected, onTaken, type RejectedResource, type Retry } from "./rejection.ts";
import { resourceType } from "./resource-types.ts";
import type { ResponseContent } from "./response.ts";

/** The two variants of the protocol. */
export type XdsMode = "sotw" | "delta";

/** A response, as the status keeps it. Times in milliseconds since the epoch. */
export interface Exchange {
  readonly nonce: string;
  readonly version: string;
  readonly at: number;
}

/** A response that the client rejected, and why. */
export interface Rejection extends Exchange {
  /** The code of the client's `error_detail`, a gRPC status code. */
  readonly code: number;
  readonly message: string;
}

/** What one stream knows about one resource type. Immutable; every transition is a function in this file or in `push.ts`. */
export interface Subscription {
  readonly mode: XdsMode;
  readonly typeUrl: string;
  readonly interest: Interest;
  /**
   * What the client has of what it is interested in. It is the very map of the resource set that was last sent, shared
   * by all streams that got it: hence it may hold names the client is not interested in.
   */
  readonly held: ReadonlyMap<string, Holding>;
  /** The type's version in the resource set that `held` is of; undefined where it is of none. */
  readonly heldVersion: string | undefined;
  /** Names to be answered whether `held` has them or not. */
  readonly unanswered: ReadonlySet<string>;
  /** A request waits for a response even if that is empty. */
  readonly mustAnswer: boolean;
  /** Resources that the set no longer has, but the client still does: their removal is held back until nothing refers to them. */
  readonly leaving: ReadonlyMap<string, Holding>;
  /** The client may wait for this type anew: the next response is in full. State of the world only. */
  readonly warming: boolean;
  readonly sent: Exchange | undefined;
  readonly acked: Exchange | undefined;
  /** The last rejection, until a later response is accepted and none of {@link rejected} is left. */
  readonly nacked: Rejection | undefined;
  /** What was sent last, until the client has answered. */
  readonly content: ResponseContent | undefined;
  /** The resources that the client does not take, by name; incremental only. See {@link onRejected}. */
  readonly rejected: ReadonlyMap<string, RejectedResource>;
  /** Parts of rejected responses that are to be sent again, one by one. */
  readonly retries: readonly Retry[];
  /** Retries sent since there was none to be sent. */
  readonly retriesSent: number;
  /** The client's answer to `sent`; `overdue` where the server no longer waits for it. */
  readonly answer: "given" | "pending" | "overdue";
  /** Resources were sent on this stream. */
  readonly delivered: boolean;
}

/** What a request turned out to be. `stale`: it answers a response that is not the last one. */
export type RequestKind = "subscribe" | "ack" | "nack" | "stale";

/** The subscription after a request. */
export interface Transition {
  readonly kind: RequestKind;
  readonly subscription: Subscription;
}

interface ErrorDetail {
  readonly code: number;
  readonly message: string;
}

/** The parts of a `DiscoveryRequest` that matter here. */
export interface SotwRequest {
  readonly typeUrl: string;
  readonly versionInfo: string;
  readonly resourceNames: readonly string[];
  readonly responseNonce: string;
  readonly errorDetail?: ErrorDetail | undefined;
}

/** The parts of a `DeltaDiscoveryRequest` that matter here. */
export interface DeltaRequest {
  readonly typeUrl: string;
  readonly resourceNamesSubscribe: readonly string[];
  readonly resourceNamesUnsubscribe: readonly string[];
  readonly initialResourceVersions: Readonly<Record<string, string>>;
  readonly responseNonce: string;
  readonly errorDetail?: ErrorDetail | undefined;
}

/**
 * Takes in a state-of-the-world request. `previous` is undefined for the type's first request on the stream.
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#ack-nack-and-resource-type-instance-version
 */
export function onSotwRequest(
  previous: Subscription | undefined,
  request: SotwRequest,
  now: number,
): Transition {
  if (previous === undefined) return { kind: "subscribe", subscription: firstSotw(request, now) };
  // A request that crossed with a newer response will be followed by another that answers that response.
  // https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#resource-updates
  const { responseNonce } = request;
  if (responseNonce !== "" && responseNonce !== previous.sent?.nonce)
    return { kind: "stale", subscription: previous };
  const answered = onAnswer(previous, request, now);
  const interest = sotwInterest(previous.interest, request.resourceNames);
  const asked = interest === previous.interest ? [] : added(previous.interest, interest);
  const changed = changeInterest(answered.subscription, interest, asked);
  // Envoy asks again for what it has where it has to wait for it anew; but for its place in the order, that request looks
  // like an ACK. So when it may be waiting, any request is answered, and in full. A response that went out meanwhile was in
  // full as well (push.ts), and ended the wait.
  const repeated = answered.kind === "subscribe" && responseNonce !== "" && changed === previous;
  const waits = changed.warming || repeated;
  return {
    kind: answered.kind,
    subscription: waits ? { ...changed, warming: true, mustAnswer: true } : changed,
  };
}

/**
 * Takes in an incremental request. `previous` is undefined for the type's first request on the stream. Changes of the
 * subscription count whatever the nonce, for they are not repeated by a later request.
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#incremental-xds
 */
export function onDeltaRequest(
  previous: Subscription | undefined,
  request: DeltaRequest,
  now: number,
): Transition {
  if (previous === undefined) return { kind: "subscribe", subscription: firstDelta(request) };
  const answered = onAnswer(previous, request, now);
  const { resourceNamesSubscribe: subscribe, resourceNamesUnsubscribe: unsubscribe } = request;
  const interest = deltaInterest(previous.interest, subscribe, unsubscribe);
  // A name that is subscribed to again is answered again; one that only the wildcard covers from now on, too.
  // https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#unsubscribing-from-resources
  const asked = subscribe.filter((name) => interest.names.has(name));
  if (interest.wildcard) asked.push(...unsubscribe.filter((name) => previous.interest.names.has(name)));
  return { kind: answered.kind, subscription: changeInterest(answered.subscription, interest, asked) };
}

function added(before: Interest, after: Interest): string[] {
  return [...after.names].filter((name) => !before.names.has(name));
}

const none: ReadonlyMap<string, never> = new Map<string, never>();
const noNames: ReadonlySet<string> = new Set();

const fresh = {
  held: none,
  heldVersion: undefined,
  unanswered: noNames,
  mustAnswer: true,
  leaving: none,
  warming: false,
  sent: undefined,
  acked: undefined,
  nacked: undefined,
  content: undefined,
  rejected: none,
  retries: [],
  retriesSent: 0,
  answer: "given",
  delivered: false,
} as const;

function firstSotw(request: SotwRequest, now: number): Subscription {
  const { typeUrl, versionInfo, resourceNames } = request;
  const interest = sotwInterest(undefined, resourceNames);
  const subscription: Subscription = {
    ...fresh,
    mode: "sotw",
    typeUrl,
    interest,
    unanswered: interest.names,
  };
  // A client that comes back tells the version it accepted. Versions are content hashes, so where the whole of the type is
  // subscribed to, the same version is the same content.
  const whole = interest.wildcard && interest.names.size === 0 && resourceType(typeUrl).fullState;
  if (versionInfo === "" || !whole) return subscription;
  const accepted = { nonce: "", version: versionInfo, at: now };
  return { ...subscription, mustAnswer: false, heldVersion: versionInfo, sent: accepted, acked: accepted };
}

function firstDelta(request: DeltaRequest): Subscription {
  const { typeUrl, resourceNamesSubscribe, resourceNamesUnsubscribe, initialResourceVersions } = request;
  const interest = deltaInterest(undefined, resourceNamesSubscribe, resourceNamesUnsubscribe);
  // https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#client-behavior: what the client kept from an earlier stream.
  const kept = Object.entries(initialResourceVersions).filter(([name]) => covers(interest, name));
  const held = kept.length === 0 ? none : new Map(kept.map(([name, version]) => [name, { version }]));
  const unanswered =
    held.size === 0 ? interest.names : new Set([...interest.names].filter((name) => !held.has(name)));
  return { ...fresh, mode: "delta", typeUrl, interest, held, unanswered };
}

/** ACK, NACK, or neither. */
function onAnswer(
  previous: Subscription,
  request: { readonly responseNonce: string; readonly errorDetail?: ErrorDetail | undefined },
  now: number,
): Transition {
  const { responseNonce, errorDetail } = request;
  const { sent } = previous;
  if (responseNonce === "") return { kind: "subscribe", subscription: previous };
  if (sent === undefined || responseNonce !== sent.nonce) return { kind: "stale", subscription: previous };
  // A client may find out later that it cannot use what it accepted, as an agent does whose proxy comes back.
  if (previous.answer === "given" && errorDetail === undefined)
    return { kind: "subscribe", subscription: previous };
  const answer: Exchange = { nonce: sent.nonce, version: sent.version, at: now };
  if (errorDetail === undefined) {
    const taken = onTaken(previous);
    const nacked = taken.rejected.size > 0 ? previous.nacked : undefined;
    return { kind: "ack", subscription: { ...taken, answer: "given", acked: answer, nacked } };
  }
  const nacked: Rejection = { ...answer, code: errorDetail.code, message: errorDetail.message };
  return { kind: "nack", subscription: { ...onRejected(previous, nacked), answer: "given", nacked } };
}

function changeInterest(previous: Subscription, interest: Interest, asked: readonly string[]): Subscription {
  if (interest === previous.interest && asked.length === 0) return previous;
  const unanswered = new Set(asked);
  for (const name of previous.unanswered) if (covers(interest, name)) unanswered.add(name);
  const next: Subscription = { ...previous, interest, unanswered };
  if (!interest.wildcard || previous.interest.wildcard) return next;
  // The wildcard is new: of the shared map, the client has no more than the names it was interested in.
  const held = new Map<string, Holding>();
  for (const name of previous.interest.names) {
    const holding = previous.held.get(name);
    if (holding !== undefined) held.set(name, holding);
  }
  return { ...next, held, heldVersion: undefined, mustAnswer: true };
}

/**
 * Marks that the client will wait for these resources of a type, because others that it got now refer to them
 * ({@link ResourceType.warmedBy}). An incremental client does not ask again, so it has to be sent what it waits for; a
 * state-of-the-world client asks, but not in a way that shows. https://github.com/envoyproxy/envoy/issues/13009
 */
export function onWarming(previous: Subscription, names: Iterable<string>): Subscription {
  if (previous.mode === "sotw") return { ...previous, warming: true };
  const asked = [...names].filter((name) => previous.interest.names.has(name));
  return asked.length === 0
    ? previous
    : { ...previous, unanswered: new Set([...previous.unanswered, ...asked]) };
}

/** The subscription after the server has waited long enough for an answer. */
export function onOverdue(previous: Subscription): Subscription {
  return previous.answer === "pending" ? { ...previous, answer: "overdue" } : previous;
}
