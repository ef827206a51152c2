import * as grpc from "@grpc/grpc-js";
import type { Clock } from "@weft/base";
import type { Node } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import type {
  DeltaDiscoveryRequest,
  DiscoveryRequest,
} from "@weft/envoy-api/envoy/service/discovery/v3/discovery_pb.js";
import type { XdsConnection, XdsServerEvent } from "./connection.ts";
import type { Once } from "./once.ts";
import type { Subscriptions } from "./push.ts";
import type { EncodedResponse, ResponseEncoder } from "./response.ts";
import type { XdsServerLimits, XdsServerOptions } from "./server.ts";
import type { DiscoveryService } from "./services.ts";
import { createStream, type StreamEvent } from "./stream.ts";
import type { Subscription, Transition, XdsMode } from "./subscription.ts";
import type { Turns } from "./turns.ts";

/** A request of either variant. */
export type Request = DiscoveryRequest | DeltaDiscoveryRequest;

/** A client's call, as grpc-js has it. Responses are encoded already. */
export type Call<R extends Request> = grpc.ServerDuplexStream<R, EncodedResponse>;

/** How the two variants differ for the server. */
export interface Variant<R extends Request> {
  readonly mode: XdsMode;
  readonly apply: (previous: Subscription | undefined, request: R, now: number) => Transition;
}

/** What all calls of a server share. */
export interface CallContext extends Pick<XdsServerOptions, "onConnect" | "authenticate" | "admit"> {
  readonly onEvent: (event: XdsServerEvent) => void;
  readonly clock: Clock;
  readonly ackTimeoutMs: number;
  readonly limits: XdsServerLimits;
  readonly encoder: ResponseEncoder;
  readonly once: Once;
  readonly turns: Turns;
  /** Calls that are open, and how to end them. */
  readonly calls: Map<object, (reason: string) => void>;
  /** Those that have said who they are. */
  readonly connections: Set<XdsConnection>;
  /** A number that no connection has had. */
  readonly nextNumber: () => number;
}

/** Serves one call from its first request to its end. */
export function serveCall<R extends Request>(
  call: Call<R>,
  { variant, service }: { readonly variant: Variant<R>; readonly service: DiscoveryService },
  context: CallContext,
): void {
  const { calls, connections, limits, clock, onEvent } = context;
  let connection: XdsConnection | undefined;
  let onDisconnect: (() => void) | undefined;
  let identity: string | undefined;
  const end = (code: grpc.status, details: string) => call.emit("error", { code, details });
  const goAway = (reason: string) => end(grpc.status.UNAVAILABLE, reason);
  if (calls.size >= limits.streams) {
    end(grpc.status.RESOURCE_EXHAUSTED, `this server takes ${limits.streams} streams at a time`);
    return;
  }
  calls.set(call, goAway);

  // The first request is what makes the connection; what it brings about is told after that.
  const early: StreamEvent[] = [];
  const emit = (event: StreamEvent) => {
    if (connection === undefined) early.push(event);
    else onEvent({ ...event, connection });
  };
  const { turns, once } = context;
  const write = (response: EncodedResponse, flushed: () => void) => {
    const left = turns.started(response.frame.length);
    call.write(response, () => {
      left();
      flushed();
    });
  };
  const stream = createStream({ ...context, write, onEvent: emit, takeTurn: turns.ask });

  const connect = (node: Node) => {
    connection = {
      id: `${node.id}-${context.nextNumber()}`,
      mode: variant.mode,
      typeUrl: service.typeUrl,
      node,
      identity,
      peer: call.getPeer(),
      connectedAt: clock.now(),
      update: stream.update,
      status: stream.status,
      settled: stream.settled,
      close: goAway,
    };
    connections.add(connection);
    onEvent({ kind: "connected", connection });
    early.splice(0).forEach(emit);
    onDisconnect = context.onConnect(connection);
  };
  const onRequest = (request: R) => {
    if (!calls.has(call)) return;
    const problem = problemOf(request, { service, connected: connection !== undefined });
    if (problem !== undefined) {
      end(grpc.status.INVALID_ARGUMENT, problem);
      return;
    }
    const typeUrl = request.typeUrl === "" ? (service.typeUrl ?? "") : request.typeUrl;
    const apply = (previous: Subscription | undefined) =>
      variant.apply(previous, { ...request, typeUrl }, clock.now());
    // Requests may be shared (shareDecoded()): what a first one asks for is worked out once, but for those that tell a time.
    const first = () => once([request], `first ${typeUrl}`, () => apply(undefined));
    const timeless = !("versionInfo" in request) || request.versionInfo === "";
    stream.request(typeUrl, (previous) => (previous === undefined && timeless ? first() : apply(previous)));
    const excess = excessOf(stream.subscriptions, typeUrl, limits);
    if (excess !== undefined) end(grpc.status.RESOURCE_EXHAUSTED, excess);
    else if (connection === undefined && request.node !== undefined) {
      const refused = context.admit?.({ node: request.node, identity, peer: call.getPeer() });
      if (refused === undefined) connect(request.node);
      else end(grpc.status.PERMISSION_DENIED, refused);
    }
  };
  const onClosed = () => {
    if (!calls.delete(call)) return;
    stream.close();
    if (connection === undefined) return;
    connections.delete(connection);
    onDisconnect?.();
    onEvent({ kind: "disconnected", connection });
  };

  call.on("cancelled", onClosed);
  call.on("error", onClosed);
  call.on("end", () => {
    onClosed();
    call.end();
  });
  authenticate(call, context).then(
    (authenticated) => {
      identity = authenticated;
      call.on("data", onRequest);
    },
    (error: unknown) =>
      end(grpc.status.UNAUTHENTICATED, error instanceof Error ? error.message : String(error)),
  );
}

async function authenticate<R extends Request>(
  call: Call<R>,
  context: CallContext,
): Promise<string | undefined> {
  const { metadata } = call;
  return context.authenticate?.({ metadata, peer: call.getPeer(), authContext: call.getAuthContext() });
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
