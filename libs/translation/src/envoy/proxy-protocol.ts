import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type TransportSocket, TransportSocketSchema } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import { ProxyProtocolConfig_Version as Version } from "@weft/envoy-api/envoy/config/core/v3/proxy_protocol_pb.js";
import { ProxyProtocolUpstreamTransportSchema } from "@weft/envoy-api/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js";
import { pack } from "./any.ts";

/** A transport socket that says who the client is before all else; https://www.haproxy.org/download/1.8/doc/proxy-protocol.txt */
export function withProxyProtocol(
  inner: MessageInitShape<typeof TransportSocketSchema>,
  version: 1 | 2,
): TransportSocket {
  return create(TransportSocketSchema, {
    name: "envoy.transport_sockets.upstream_proxy_protocol",
    configType: {
      case: "typedConfig",
      value: pack(ProxyProtocolUpstreamTransportSchema, {
        config: { version: version === 1 ? Version.V1 : Version.V2 },
        transportSocket: inner,
      }),
    },
  });
}
