import { create } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import type { HttpFilterRule } from "./http-filter.ts";

/** Upstream protocols as the filter numbers them, with what is offered instead of their own name. */
const overrides: readonly (readonly [protocol: number, alpn: readonly string[]])[] = [
  [0, ["istio-http/1.0", "istio", "http/1.0"]],
  [1, ["istio-http/1.1", "istio", "http/1.1"]],
  [2, ["istio-h2", "istio", "h2"]],
];

/**
 * The filter's message, written by hand because its .proto is not part of Envoy's API:
 * `FilterConfig { repeated AlpnOverride alpn_override = 1 }`,
 * `AlpnOverride { UpstreamProtocol upstream_protocol = 1; repeated string alpn_override = 2 }`.
 */
function filterConfig(): Any {
  const field = (tag: number, bytes: Uint8Array) =>
    Buffer.concat([Buffer.of((tag << 3) | 2, bytes.length), bytes]);
  const entries = overrides.map(([protocol, alpn]) =>
    field(
      1,
      Buffer.concat([
        // proto3 leaves out zero
        protocol === 0 ? Buffer.alloc(0) : Buffer.of(1 << 3, protocol),
        ...alpn.map((name) => field(2, Buffer.from(name))),
      ]),
    ),
  );
  return create(AnySchema, {
    typeUrl: "type.googleapis.com/istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig",
    value: Buffer.concat(entries),
  });
}

const config = filterConfig();

/** Offers Istio's protocol names to the next proxy, by which its mutual TLS chains are told apart. */
export const alpn: HttpFilterRule = {
  name: "istio.alpn",
  build: (http, { istioExtensions }) =>
    istioExtensions && http.direction !== "inbound"
      ? [{ name: "istio.alpn", configType: { case: "typedConfig", value: config } }]
      : [],
};
