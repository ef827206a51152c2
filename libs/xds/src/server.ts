import * as grpc from "@grpc/grpc-js";
import { type Clock, systemClock } from "@weft/base";
import type { Node } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import type {
  DeltaDiscoveryRequest,
  DiscoveryRequest,
} from "@weft/envoy-api/envoy/service/discovery/v3/discovery_pb.js";
import type { XdsConnection, XdsServerEvent } from "./connection.ts";
import { createDiffMaps } from "./diff.ts";
import type { Subscriptions } from "./push.ts";
import { createResponseEncoder } from "./response.ts";
import {
  type DiscoveryService,
  deltaMethod,
  discoveryServices,
  fetchMethod,
  sotwMethod,
} from "./services.ts";
import { createStream, type StreamEvent } from "./stream.ts";
import {
  onDeltaRequest,
  onSotwRequest,
  type Subscription,
  type Transition,
  type XdsMode,
} from "./subscription.ts";

/** What is known of a call before its first message. */
export interface XdsCall {
  readonly metadata: grpc.Metadata;
  readonly peer: string;
  /** The client's TLS certificate, where it has one. */
  readonly authContext: ReturnType<grpc.ServerDuplexStream<unknown, unknown>["getAuthContext"]>;
}

/** Settings of {@link createXdsServer}. */
export interface XdsServerOptions {
  /**
   * Called when a client has said who it is, with its first request. Whoever owns the configuration gives the
   * connection its resource set, now or later. The function returned is called when the client is gone.
   */
  readonly onConnect: (connection: XdsConnection) => (() => void) | undefined;
  /** Told of what happens on the streams; must not throw. */
  readonly onEvent?: (event: XdsServerEvent) => void;
  /** Finds out who calls; to reject the call, throw an error with a message for the caller. All calls are taken unless told. */
  readonly authenticate?: (call: XdsCall) => Promise<string | undefined>;
  /** The name of this control plane, which clients see in every response. */
  readonly controlPlane?: string;
  readonly clock?: Clock;
  /** A client that has not answered a response for so long holds nothing back any more; 5,000 ms unless told. */
  readonly ackTimeoutMs?: number;
  readonly limits?: Partial<XdsServerLimits>;
}

/** Bounds on what clients can make the server hold. A stream that exceeds one ends with RESOURCE_EXHAUSTED. */
export interface XdsServerLimits {
  /** Streams at a time; 10,000. */
  readonly streams: number;
  /** Types subscribed to on one stream; 64. */
  readonly typesPerStream: number;
  /** Names subscribed to of one type on one stream; 100,000. */
  readonly namesPerType: number;
  /** Bytes of one request; 4 MiB, as Istio's. */
  readonly requestBytes: number;
}

/** An xDS server, for ADS and the single-type services, state of the world and incremental. */
export interface XdsServer {
  /**
   * Listens on `host:port` or `unix:path`, and returns the port (0 for a socket). Can be called for further addresses, such
   * as one in plain text and one with TLS.
   */
  listen(address: string, credentials?: grpc.ServerCredentials): Promise<number>;
  /** The clients connected now. */
  connections(): readonly XdsConnection[];
  /** Ends all streams with UNAVAILABLE, lets what is written leave for at most `graceMs` (2,000 unless told), and stops listening. */
  close(graceMs?: number): Promise<void>;
}

const defaultLimits: XdsServerLimits = {
  streams: 10_000,
  typesPerStream: 64,
  namesPerType: 100_000,
  requestBytes: 4 * 1024 * 1024,
};

type Request = DiscoveryRequest | DeltaDiscoveryRequest;
type Call<R extends Request> = grpc.ServerDuplexStream<R, Buffer>;

/** How the two variants differ for the server. */
interface Variant<R extends Request> {
  readonly mode: XdsMode;
  readonly apply: (previous: Subscription | undefined, request: R, now: number) => Transition;
}

const sotw: Variant<DiscoveryRequest> = { mode: "sotw", apply: onSotwRequest };
const delta: Variant<DeltaDiscoveryRequest> = { mode: "delta", apply: onDeltaRequest };

/** Creates an {@link XdsServer}. It listens once it is told to. */
export function createXdsServer(options: XdsServerOptions): XdsServer {
  const {
    authenticate,
    controlPlane,
    clock = systemClock,
    ackTimeoutMs = 5_000,
    onEvent = () => {},
  } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const encoder = createResponseEncoder(controlPlane === undefined ? {} : { controlPlane });
  const diff = createDiffMaps();
  const streams = new Map<object, (reason: string) => void>();
  const connections = new Set<XdsConnection>();
  let connectionCount = 0;

  function serve<R extends Request>(variant: Variant<R>, service: DiscoveryService, call: Call<R>): void {
    let connection: XdsConnection | undefined;
    let onDisconnect: (() => void) | undefined;
    let identity: string | undefined;
    const end = (code: grpc.status, details: string) => call.emit("error", { code, details });
    if (streams.size >= limits.streams) {
      end(grpc.status.RESOURCE_EXHAUSTED, `this server takes ${limits.streams} streams at a time`);
      return;
    }
    streams.set(call, (reason) => end(grpc.status.UNAVAILABLE, reason));

    const early: StreamEvent[] = [];
    const emit = (event: StreamEvent) => {
      if (connection === undefined) early.push(event);
      else onEvent({ ...event, connection });
    };
    const stream = createStream({
      mode: variant.mode,
      clock,
      encoder,
      diff,
      ackTimeoutMs,
      write: (response, flushed) => call.write(response, flushed),
      onEvent: emit,
    });
    const connect = (node: Node) => {
      const opened: XdsConnection = {
        id: `${node.id}-${++connectionCount}`,
        mode: variant.mode,
        typeUrl: service.typeUrl,
        node,
        identity,
        peer: call.getPeer(),
        connectedAt: clock.now(),
        update: stream.update,
        status: stream.status,
        settled: stream.settled,
        close: (reason) => end(grpc.status.UNAVAILABLE, reason),
      };
      connection = opened;
      connections.add(opened);
      onEvent({ kind: "connected", connection: opened });
      early.splice(0).forEach(emit);
      onDisconnect = options.onConnect(opened);
    };
    const onRequest = (request: R) => {
      if (!streams.has(call)) return;
      const problem = problemOf(request, { service, connected: connection !== undefined });
      if (problem !== undefined) {
        end(grpc.status.INVALID_ARGUMENT, problem);
        return;
      }
      const typeUrl = request.typeUrl === "" ? (service.typeUrl ?? "") : request.typeUrl;
      stream.request(typeUrl, (previous) => variant.apply(previous, { ...request, typeUrl }, clock.now()));
      const excess = excessOf(stream.subscriptions, typeUrl, limits);
      if (excess !== undefined) end(grpc.status.RESOURCE_EXHAUSTED, excess);
      else if (connection === undefined && request.node !== undefined) connect(request.node);
    };
    const closed = () => {
      if (!streams.delete(call)) return;
      stream.close();
      if (connection === undefined) return;
      connections.delete(connection);
      onDisconnect?.();
      onEvent({ kind: "disconnected", connection });
    };
    call.on("cancelled", closed);
    call.on("error", closed);
    call.on("end", () => {
      closed();
      call.end();
    });
    if (authenticate === undefined) {
      call.on("data", onRequest);
      return;
    }
    authenticate({ metadata: call.metadata, peer: call.getPeer(), authContext: call.getAuthContext() }).then(
      (authenticated) => {
        identity = authenticated;
        call.on("data", onRequest);
      },
      (error: unknown) =>
        end(grpc.status.UNAUTHENTICATED, error instanceof Error ? error.message : String(error)),
    );
  }

  const server = new grpc.Server({
    // Istio's: a ping after 30 s of silence, the connection is dead after 10 s without an answer.
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    "grpc.max_receive_message_length": limits.requestBytes,
    "grpc.max_send_message_length": -1,
  });
  for (const service of discoveryServices) addService(server, service, serve);

  return {
    listen: (address, credentials = grpc.ServerCredentials.createInsecure()) =>
      new Promise((resolve, reject) => {
        server.bindAsync(address, credentials, (error, port) => {
          if (error)
            reject(new Error(`xDS server cannot listen on ${address}: ${error.message}`, { cause: error }));
          else resolve(address.startsWith("unix:") ? 0 : port);
        });
      }),
    connections: () => [...connections],
    close: async (graceMs = 2_000) => {
      for (const end of [...streams.values()]) end("the control plane is shutting down");
      const cancel = clock.after(graceMs, () => server.forceShutdown());
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      cancel();
    },
  };
}

type Serve = <R extends Request>(variant: Variant<R>, service: DiscoveryService, call: Call<R>) => void;

function addService(server: grpc.Server, service: DiscoveryService, serve: Serve): void {
  server.addService(
    { [service.sotwMethod]: sotwMethod(service), [service.deltaMethod]: deltaMethod(service) },
    {
      [service.sotwMethod]: (call: Call<DiscoveryRequest>) => serve(sotw, service, call),
      [service.deltaMethod]: (call: Call<DeltaDiscoveryRequest>) => serve(delta, service, call),
    },
  );
  const { fetchMethod: fetch } = service;
  if (fetch === undefined) return;
  const refuse: grpc.handleUnaryCall<DiscoveryRequest, Buffer> = (_call, callback) =>
    callback({
      code: grpc.status.UNIMPLEMENTED,
      details: `polling is not served; use ${service.sotwMethod} or ${service.deltaMethod} (api_type GRPC or DELTA_GRPC)`,
    });
  server.addService({ [fetch]: fetchMethod(service, fetch) }, { [fetch]: refuse });
}

function problemOf(
  request: Request,
  { service, connected }: { readonly service: DiscoveryService; readonly connected: boolean },
): string | undefined {
  if (service.typeUrl === undefined && request.typeUrl === "") {
    return "type_url is missing: a request on an aggregated stream names its type";
  }
  if (service.typeUrl !== undefined && request.typeUrl !== "" && request.typeUrl !== service.typeUrl) {
    return `type_url is ${request.typeUrl}, but ${service.name} serves ${service.typeUrl} only`;
  }
  if (!connected && !request.node?.id)
    return "node.id is missing: the first request on a stream says who calls";
  return undefined;
}

function excessOf(
  subscriptions: Subscriptions,
  typeUrl: string,
  limits: XdsServerLimits,
): string | undefined {
  if (subscriptions.size > limits.typesPerStream)
    return `more than ${limits.typesPerStream} types on one stream`;
  const names = subscriptions.get(typeUrl)?.interest.names.size ?? 0;
  return names > limits.namesPerType
    ? `more than ${limits.namesPerType} names of ${typeUrl} on one stream`
    : undefined;
}
