import * as grpc from "@grpc/grpc-js";
import { type Clock, systemClock } from "@weft/base";
import type {
  DeltaDiscoveryRequest,
  DiscoveryRequest,
} from "@weft/envoy-api/envoy/service/discovery/v3/discovery_pb.js";
import type { XdsConnection, XdsServerEvent } from "./connection.ts";
import { sendFramed } from "./framed.ts";
import { createOnce } from "./once.ts";
import { createResponseEncoder, type EncodedResponse, type ResponseCache } from "./response.ts";
import { type Call, type CallContext, serveCall, type Variant } from "./serve-call.ts";
import {
  type DiscoveryService,
  decodeDelta,
  decodeSotw,
  deltaMethod,
  discoveryServices,
  fetchMethod,
  sotwMethod,
} from "./services.ts";
import { shareDecoded } from "./share-decoded.ts";
import { onDeltaRequest, onSotwRequest } from "./subscription.ts";
import { createTurns } from "./turns.ts";

/** What is known of a call before its first message. */
export interface XdsCall {
  readonly metadata: grpc.Metadata;
  readonly peer: string;
  /** The client's TLS certificate, where it has one. */
  readonly authContext: ReturnType<grpc.ServerDuplexStream<unknown, unknown>["getAuthContext"]>;
}

/** What a client says of itself, beside what was found out about it. */
export type XdsClientClaim = Pick<XdsConnection, "node" | "identity" | "peer">;

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
  /**
   * Whether a client may be who it says it is, now that it has said so; why not is for the client, whose call ends with PERMISSION_DENIED.
   * All are admitted unless told.
   */
  readonly admit?: (client: XdsClientClaim) => string | undefined;
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
  /** Responses that are kept for further streams. */
  readonly cache: ResponseCache;
  /** Ends all streams with UNAVAILABLE, lets what is written leave for at most `graceMs` (2,000 unless told), and stops listening. */
  close(graceMs?: number): Promise<void>;
}

const defaultLimits: XdsServerLimits = {
  streams: 10_000,
  typesPerStream: 64,
  namesPerType: 100_000,
  requestBytes: 4 * 1024 * 1024,
};

const sotw: Variant<DiscoveryRequest> = { mode: "sotw", apply: onSotwRequest };
const delta: Variant<DeltaDiscoveryRequest> = { mode: "delta", apply: onDeltaRequest };

/** Creates an {@link XdsServer}. It listens once it is told to. */
export function createXdsServer(options: XdsServerOptions): XdsServer {
  const { controlPlane, clock = systemClock, ackTimeoutMs = 5_000, onEvent = () => {} } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const calls: CallContext["calls"] = new Map();
  const connections: CallContext["connections"] = new Set();
  let lastNumber = 0;
  const encoder = createResponseEncoder(controlPlane === undefined ? {} : { controlPlane });
  const context: CallContext = {
    ...options,
    onEvent,
    clock,
    ackTimeoutMs,
    limits,
    encoder,
    once: createOnce(),
    turns: createTurns({ clock }),
    calls,
    connections,
    nextNumber: () => ++lastNumber,
  };

  const server = new grpc.Server({
    // Istio's: a ping after 30 s of silence, the connection is dead after 10 s without an answer.
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    "grpc.max_receive_message_length": limits.requestBytes,
    "grpc.max_send_message_length": -1,
    interceptors: [sendFramed],
  });
  for (const service of discoveryServices) addService(server, service, context);

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
    cache: encoder.cache,
    close: async (graceMs = 2_000) => {
      for (const end of [...calls.values()]) end("the control plane is shutting down");
      const cancel = clock.after(graceMs, () => server.forceShutdown());
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      cancel();
    },
  };
}

/** Not called where {@link sendFramed} finds the frame to send. */
const responseSerialize = ({ bytes }: EncodedResponse): Buffer => bytes;

function addService(server: grpc.Server, service: DiscoveryService, context: CallContext): void {
  server.addService(
    {
      [service.sotwMethod]: { ...sotwMethod(service, shareDecoded(decodeSotw)), responseSerialize },
      [service.deltaMethod]: { ...deltaMethod(service, shareDecoded(decodeDelta)), responseSerialize },
    },
    {
      [service.sotwMethod]: (call: Call<DiscoveryRequest>) =>
        serveCall(call, { variant: sotw, service }, context),
      [service.deltaMethod]: (call: Call<DeltaDiscoveryRequest>) =>
        serveCall(call, { variant: delta, service }, context),
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
