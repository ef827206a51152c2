import type { Clock } from "@weft/base";
import type { ResourceSet } from "@weft/envoy-api";
import type { XdsServerEvent } from "./connection.ts";
import type { Once } from "./once.ts";
import { isSettled, nextPush, onSent, type Push, type Subscriptions, settle } from "./push.ts";
import { compareTypes, resourceType } from "./resource-types.ts";
import type { EncodedResponse, ResponseEncoder } from "./response.ts";
import { type TypeStatus, toStatus } from "./status.ts";
import { onOverdue, type Subscription, type Transition } from "./subscription.ts";

/** An event before its connection is known. */
export type StreamEvent = Distribute<XdsServerEvent>;
type Distribute<Event> = Event extends { readonly typeUrl: string } ? Omit<Event, "connection"> : never;

/** What a {@link Stream} works with. */
export interface StreamOptions {
  readonly clock: Clock;
  readonly encoder: ResponseEncoder;
  readonly once: Once;
  /** Calls back when it is this stream's turn to send, once however often it was asked; at once unless told. */
  readonly takeTurn?: (send: () => void) => void;
  /** A response that is not answered for so long, in milliseconds, holds nothing back any more. */
  readonly ackTimeoutMs: number;
  /** Sends a response; `flushed` is called when it has left, and only then the next one is made. */
  readonly write: (response: EncodedResponse, flushed: () => void) => void;
  readonly onEvent: (event: StreamEvent) => void;
}

/** The state of one stream, without its transport: requests and resource sets go in, responses come out. */
export interface Stream {
  /** Takes in a request, by way of the transition of the type's subscription; `previous` is undefined for the type's first one. */
  request(typeUrl: string, apply: (previous: Subscription | undefined) => Transition): void;
  update(set: ResourceSet): void;
  status(): readonly TypeStatus[];
  settled(typeUrl: string): boolean;
  readonly subscriptions: Subscriptions;
  close(): void;
}

/** Creates a {@link Stream}. */
export function createStream(options: StreamOptions): Stream {
  const { clock, encoder, once, write, onEvent, takeTurn = (send) => send() } = options;
  const subscriptions = new Map<string, Subscription>();
  const deadlines = new Map<string, () => void>();
  let target: ResourceSet | undefined;
  /** Numbers of the last responses, by type: an ACK names a response of its type. */
  const numbers = new Map<string, number>();
  let writing = false;
  let closed = false;

  const put = (subscription: Subscription) => subscriptions.set(subscription.typeUrl, subscription);

  const send = (push: Push, response: EncodedResponse) => {
    const { typeUrl, version, resources, removed } = push.delivery;
    const sent = { nonce: response.nonce, version, at: clock.now() };
    onSent(subscriptions, push, sent).forEach(put);
    numbers.set(typeUrl, response.number);
    deadlines.get(typeUrl)?.();
    deadlines.set(
      typeUrl,
      clock.after(options.ackTimeoutMs, () => overdue(typeUrl)),
    );
    const counts = {
      resources: resources.length,
      removed: removed.length,
      bytes: response.bytes.length,
    };
    onEvent({ kind: "sent", typeUrl, sent, ...counts });
    writing = true;
    const start = clock.monotonic();
    write(response, () => {
      onEvent({ kind: "flushed", typeUrl, ms: clock.monotonic() - start });
      writing = false;
      advance();
    });
  };

  // A loop, for a transport may call back at once; one response at a time leaves, so none is made before it can.
  const advance = () => {
    if (!writing && !closed) takeTurn(sendNext);
  };
  const sendNext = () => {
    while (target !== undefined && !writing && !closed) {
      const push = nextPush(subscriptions, target, once);
      if (push === undefined) {
        for (const subscription of subscriptions.values())
          put(settle(subscription, target, { once, subscriptions }));
        return;
      }
      send(push, encoder.encode(push.delivery, numbers.get(push.delivery.typeUrl) ?? 0));
    }
  };

  const overdue = (typeUrl: string) => {
    const subscription = subscriptions.get(typeUrl);
    if (subscription !== undefined) put(onOverdue(subscription));
    advance();
  };

  /** The type's first request comes after a type that refers to it was sent: the client waits for all it asks for. */
  const startWarming = (subscription: Subscription): Subscription => {
    const waits = [...subscriptions.values()].some(
      ({ typeUrl, delivered }) => delivered && resourceType(typeUrl).warmedBy.includes(subscription.typeUrl),
    );
    return waits ? { ...subscription, unanswered: subscription.interest.names } : subscription;
  };

  return {
    request: (typeUrl, apply) => {
      const previous = subscriptions.get(typeUrl);
      const { kind, subscription } = apply(previous);
      put(previous === undefined ? startWarming(subscription) : subscription);
      if (subscription.answer === "given") deadlines.get(typeUrl)?.();
      if (previous?.interest !== subscription.interest) {
        onEvent({ kind: "subscribed", typeUrl, interest: subscription.interest });
      }
      if (kind === "ack" && subscription.acked)
        onEvent({ kind: "acked", typeUrl, acked: subscription.acked });
      if (kind === "nack" && subscription.nacked)
        onEvent({ kind: "nacked", typeUrl, nacked: subscription.nacked });
      advance();
    },
    update: (set) => {
      target = set;
      advance();
    },
    status: () =>
      [...subscriptions.values()].sort((a, b) => compareTypes(a.typeUrl, b.typeUrl)).map(toStatus),
    settled: (typeUrl) => {
      const subscription = subscriptions.get(typeUrl);
      return (
        subscription === undefined ||
        target === undefined ||
        isSettled(subscription, target, { once, subscriptions })
      );
    },
    subscriptions,
    close: () => {
      closed = true;
      for (const cancel of deadlines.values()) cancel();
    },
  };
}
