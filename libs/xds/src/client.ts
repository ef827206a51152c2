import { create, type MessageInitShape } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { assert, type Clock, createBackoff, systemClock } from "@weft/base";
import { NodeSchema } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import { type ClientCall, type ClientRequest, openCall } from "./client-call.ts";
import {
  accept,
  answer,
  type ClientState,
  firstRequest,
  onAccepted,
  onForgotten,
  onWanted,
  reject,
  updateOf,
  type Verdict,
  type Wanted,
  wantedRequest,
  wantsAny,
  type XdsUpdate,
} from "./client-subscription.ts";
import { decodeResponse, type ReceivedResponse } from "./decode-response.ts";
import { compareTypes } from "./resource-types.ts";
import type { XdsMode } from "./subscription.ts";

/** Settings of {@link createXdsClient}. */
export interface XdsClientOptions {
  /** `host:port` or `unix:path`. */
  readonly address: string;
  /**
   * Plain text unless told. A function is asked anew for each stream, as certificates and roots change; what it throws is a stream that
   * could not be opened.
   */
  readonly credentials?: grpc.ChannelCredentials | (() => grpc.ChannelCredentials);
  /** Name that the server's certificate must have; that of the address unless told. */
  readonly serverName?: string;
  /** Who this client is; sent with the first request of every stream, and with no other. */
  readonly node: MessageInitShape<typeof NodeSchema>;
  /** `delta` unless told. */
  readonly mode?: XdsMode;
  /** `ads`, for all types, unless told; `secrets`: SecretDiscoveryService, for that type alone. */
  readonly service?: "ads" | "secrets";
  /** Headers of every stream, such as a token, asked for anew each time. */
  readonly metadata?: () => grpc.Metadata;
  readonly onEvent?: (event: XdsClientEvent) => void;
  readonly clock?: Clock;
  /** Uniform in [0, 1), for the jitter of reconnects. */
  readonly random?: () => number;
  /** Delay before the first reconnect, doubled up to `maxMs`; 500 ms and 30 s, as Envoy's. */
  readonly backoff?: { readonly initialMs: number; readonly maxMs: number };
  /** Bound on the bytes of one response; 512 MiB unless told, as Istio's agent has it. */
  readonly maxResponseBytes?: number;
}

/** What happens to the client's stream. */
export type XdsClientEvent =
  /** The first response on a stream has come. */
  | { readonly kind: "connected" }
  /** The stream ended, or could not be opened; another will be tried after `retryMs`. */
  | { readonly kind: "disconnected"; readonly reason: string; readonly retryMs: number }
  | { readonly kind: "accepted"; readonly typeUrl: string; readonly version: string }
  | {
      readonly kind: "rejected";
      readonly typeUrl: string;
      readonly version: string;
      readonly reason: string;
    };

/** Settings of {@link XdsClient.subscribe}. */
export interface SubscribeOptions {
  /** The names wanted; `*` for all there are. With no names the server is not asked until there are some. */
  readonly names: "*" | Iterable<string>;
  /**
   * Takes a change in, all of it or none. It is called for the first response even if that changes nothing, one call at a time
   * for the type; an error thrown rejects. Resources are views of the response: copy what you keep.
   */
  readonly onUpdate: (update: XdsUpdate) => Verdict | Promise<Verdict>;
  /** Called once if the server has not answered in `initialFetchTimeoutMs`. */
  readonly onInitialFetchTimeout?: () => void;
  /** 15,000 ms unless told, as Envoy's; 0 for none. */
  readonly initialFetchTimeoutMs?: number;
  /** Versions, by name, of what the caller has from an earlier client. An incremental server does not send that again. */
  readonly initialVersions?: ReadonlyMap<string, string>;
}

/** A subscription to one type. */
export interface XdsClientSubscription {
  /** Whether an update was accepted. */
  readonly ready: boolean;
  /** Wants these names from now on. Only for a subscription by name. */
  setNames(names: Iterable<string>): void;
  /** Forgets that it has these: it takes them again when the server sends them. Only for a subscription to all there is. */
  forget(names: Iterable<string>): void;
  /** Tells the server, after the fact, that what it sent last was no good after all. */
  reject(reason: string): void;
}

/** An xDS client on one aggregated stream, which it keeps open. What was accepted stays while the server is away. */
export interface XdsClient {
  readonly mode: XdsMode;
  /** Whether the server has answered on the present stream. */
  readonly connected: boolean;
  /** Subscribes to a type, once per type. */
  subscribe(typeUrl: string, options: SubscribeOptions): XdsClientSubscription;
  close(): void;
}

/** A type's subscription, and what is going on with it. */
interface Watch {
  state: ClientState;
  readonly options: SubscribeOptions;
  /** The type's first request was sent on the present stream. */
  asked: boolean;
  /** Responses being taken in, one after the other. */
  pending: ReceivedResponse[];
  /** Ends when nothing is being taken in, not even of an earlier stream. */
  turn: Promise<void>;
  ready: boolean;
  cancelTimeout: () => void;
}

/** Bound on the responses of one type that wait for the verdict on an earlier one; the server is held up then. */
const maxPending = 64;

/** Creates an {@link XdsClient}, which connects at its first subscription. */
export function createXdsClient(options: XdsClientOptions): XdsClient {
  const { mode = "delta", clock = systemClock, onEvent = () => {}, random = Math.random } = options;
  const backoff = createBackoff({ initialMs: 500, maxMs: 30_000, ...options.backoff, random });
  const watches = new Map<string, Watch>();
  let call: ClientCall["call"] | undefined;
  let cancelRetry = () => {};
  let named = false;
  let connected = false;
  let closed = false;

  const send = (request: ClientRequest) => {
    if (!named) request.node = create(NodeSchema, options.node);
    named = true;
    call?.write(request);
  };

  const ask = (watch: Watch) => {
    if (call === undefined || watch.asked || !wantsAny(watch.state)) return;
    watch.asked = true;
    send(firstRequest(watch.state));
  };

  const retry = (reason: string) => {
    const retryMs = backoff.next();
    cancelRetry = clock.after(retryMs, connect);
    onEvent({ kind: "disconnected", reason, retryMs });
  };
  const connect = () => {
    let opened: ClientCall;
    try {
      opened = openCall(options, mode);
    } catch (error) {
      retry(error instanceof Error ? error.message : String(error));
      return;
    }
    call = opened.call;
    named = false;
    for (const watch of watches.values()) {
      Object.assign(watch, { asked: false, pending: [], state: { ...watch.state, nonce: "" } });
    }
    const ended = (reason: string) => {
      opened.close();
      if (call !== opened.call || closed) return;
      call = undefined;
      connected = false;
      retry(reason);
    };
    opened.call.on("data", (bytes: Buffer) => {
      if (call !== opened.call) return;
      if (!connected) {
        connected = true;
        backoff.reset();
        onEvent({ kind: "connected" });
      }
      try {
        receive(decodeResponse(mode, bytes));
      } catch (error) {
        ended(error instanceof Error ? error.message : String(error));
      }
    });
    // The status, and then the error that repeats it.
    opened.call.on("status", ({ code, details }) => ended(`${grpc.status[code]}: ${details}`));
    opened.call.on("error", () => {});
    const inOrder = [...watches.values()].sort((a, b) => compareTypes(a.state.typeUrl, b.state.typeUrl));
    for (const watch of inOrder) ask(watch);
  };

  const receive = (response: ReceivedResponse) => {
    const watch = watches.get(response.typeUrl);
    if (watch === undefined) throw new Error(`the server sent ${response.typeUrl}, which nobody asked for`);
    watch.state = { ...watch.state, nonce: response.nonce };
    const { pending } = watch;
    pending.push(response);
    if (pending.length >= maxPending) call?.pause();
    if (pending.length === 1) watch.turn = watch.turn.then(() => takeIn(watch, pending));
  };

  /** Takes in what is pending, until there is no more. A new stream starts with another `pending`. */
  const takeIn = async (watch: Watch, pending: ReceivedResponse[]) => {
    for (let response = pending[0]; response !== undefined; response = pending[0]) {
      const update = updateOf(watch.state, response);
      const nothing = watch.ready && update.changed.size === 0 && update.removed.length === 0;
      const verdict = nothing ? accept : await judge(watch, update);
      if (closed) return;
      // Accepted is accepted, even if there is no stream left to say so on.
      if (verdict.kind === "accept") watch.state = onAccepted(watch.state, update);
      report(watch, update, verdict);
      if (pending !== watch.pending || call === undefined) return;
      pending.shift();
      if (pending.length < maxPending) call.resume();
      send(answer(watch.state, response.nonce, verdict.kind === "reject" ? verdict.reason : undefined));
    }
  };

  const report = (watch: Watch, { typeUrl, version }: XdsUpdate, verdict: Verdict) => {
    watch.cancelTimeout();
    if (verdict.kind === "accept") {
      watch.ready = true;
      onEvent({ kind: "accepted", typeUrl, version });
    } else {
      onEvent({ kind: "rejected", typeUrl, version, reason: verdict.reason });
    }
  };

  return {
    mode,
    get connected() {
      return connected;
    },
    subscribe: (typeUrl, subscribeOptions) => {
      assert(!closed, "the xDS client is closed");
      assert(!watches.has(typeUrl), `${typeUrl} is subscribed to already`);
      const { names, onInitialFetchTimeout = () => {}, initialFetchTimeoutMs = 15_000 } = subscribeOptions;
      const wanted: Wanted = names === "*" ? "*" : new Set(names);
      const cancelTimeout =
        initialFetchTimeoutMs > 0 ? clock.after(initialFetchTimeoutMs, onInitialFetchTimeout) : () => {};
      const versions = subscribeOptions.initialVersions ?? new Map<string, string>();
      const watch: Watch = {
        state: { mode, typeUrl, wanted, versions, version: "", nonce: "" },
        options: subscribeOptions,
        asked: false,
        pending: [],
        turn: Promise.resolve(),
        ready: false,
        cancelTimeout,
      };
      watches.set(typeUrl, watch);
      if (watches.size === 1) connect();
      else ask(watch);
      return {
        get ready() {
          return watch.ready;
        },
        setNames: (changed) => {
          assert(watch.state.wanted !== "*", `${typeUrl} is subscribed to as a whole`);
          const before = watch.state;
          watch.state = onWanted(before, new Set(changed));
          if (!watch.asked) {
            ask(watch);
            return;
          }
          // A state-of-the-world request with the nonce of a response would answer it: the answer, when due, tells the names.
          if (mode === "sotw" && watch.pending.length > 0) return;
          const request = wantedRequest(before, watch.state);
          if (request !== undefined && call !== undefined) send(request);
        },
        forget: (names) => {
          assert(watch.state.wanted === "*", `${typeUrl} is subscribed to by name`);
          watch.state = onForgotten(watch.state, names);
        },
        reject: (reason) => {
          const { state } = watch;
          if (call !== undefined && state.nonce !== "") send(answer(state, state.nonce, reason));
        },
      };
    },
    close: () => {
      closed = true;
      connected = false;
      cancelRetry();
      for (const watch of watches.values()) watch.cancelTimeout();
      call?.cancel();
    },
  };
}

async function judge(watch: Watch, update: XdsUpdate): Promise<Verdict> {
  try {
    return await watch.options.onUpdate(update);
  } catch (error) {
    return reject(error instanceof Error ? error.message : String(error));
  }
}
