import * as grpc from "@grpc/grpc-js";
import type {
  DeltaDiscoveryRequest,
  DiscoveryRequest,
} from "@weft/envoy-api/envoy/service/discovery/v3/discovery_pb.js";
import { adsService, deltaMethod, secretService, sotwMethod } from "./services.ts";
import type { XdsMode } from "./subscription.ts";

/** A request of either variant. */
export type ClientRequest = DiscoveryRequest | DeltaDiscoveryRequest;

/** One stream of a client; responses are bytes. */
export interface ClientCall {
  readonly call: grpc.ClientDuplexStream<ClientRequest, Buffer>;
  /** Ends the stream and its connection. */
  readonly close: () => void;
}

/** Settings of {@link openCall}; of the client's. */
export interface ClientCallOptions {
  readonly address: string;
  readonly credentials?: grpc.ChannelCredentials | (() => grpc.ChannelCredentials);
  readonly serverName?: string;
  readonly metadata?: () => grpc.Metadata;
  readonly maxResponseBytes?: number;
  readonly service?: "ads" | "secrets";
}

/** Opens the stream on a channel of its own: reconnecting is this client's matter, not the channel's. */
export function openCall(options: ClientCallOptions, mode: XdsMode): ClientCall {
  const {
    address,
    credentials = grpc.credentials.createInsecure(),
    serverName,
    maxResponseBytes = 512 * 1024 * 1024,
  } = options;
  const metadata = options.metadata?.() ?? new grpc.Metadata();
  const channel = new grpc.Client(address, typeof credentials === "function" ? credentials() : credentials, {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_retries": 0,
    "grpc.max_receive_message_length": maxResponseBytes,
    // As Istio's agent: a dead connection is noticed within 40 s.
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    ...(serverName === undefined ? {} : { "grpc.ssl_target_name_override": serverName }),
  });
  const service = options.service === "secrets" ? secretService : adsService;
  const method = mode === "delta" ? deltaMethod(service) : sotwMethod(service);
  const call = channel.makeBidiStreamRequest(
    method.path,
    method.requestSerialize as (request: ClientRequest) => Buffer, // the method is that of the mode, and so are the requests
    method.responseDeserialize,
    metadata,
  );
  return {
    call,
    close: () => {
      call.cancel();
      channel.close();
    },
  };
}
