import { formatProxyHeader } from "../proxy-protocol/header.ts";
import type { UpstreamTransport } from "../runtime/transport.ts";

/**
 * Tells the upstream whose connection it serves, before all else: in front of a TLS handshake, too.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol.proto
 */
export function createProxyProtocolTransport(inner: UpstreamTransport, version: 1 | 2): UpstreamTransport {
  return {
    tellsDownstream: true,
    connect: (target, localAddress, onread, offered, { downstream } = {}) =>
      inner.connect(target, localAddress, onread, offered, {
        preface: formatProxyHeader(version, downstream),
      }),
  };
}
