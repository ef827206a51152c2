import { create } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { FilterStateValue_SharedWithUpstream } from "@weft/envoy-api/envoy/extensions/filters/common/set_filter_state/v3/value_pb.js";
import { ConfigSchema } from "@weft/envoy-api/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state_pb.js";
import { pack } from "../envoy/any.ts";
import type { Backend } from "../ir/index.ts";
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

/**
 * What handshakes with the mesh's own proxies offer for HTTP, for the stand-in of Istio's filter; undefined where TLS
 * is not the mesh's. Where only the client tells the protocol nothing is offered that could be agreed on: what is
 * agreed on binds, and the other side sees from the first bytes what is spoken.
 */
export function meshProtocols({ tls, http }: Backend): string | undefined {
  if (tls === undefined || tls.kind === "custom") return undefined;
  if (http?.protocol === "auto") return "istio-http/1.1,istio-h2,istio";
  return (overrides[http?.protocol === "http2" ? 2 : 1]?.[1] ?? []).join();
}

/** Stock Envoy's way to the same end: the offer comes from the metadata of the request's cluster. */
const standIn = pack(ConfigSchema, {
  onRequestHeaders: [
    {
      key: { case: "objectKey", value: "envoy.network.application_protocols" },
      value: {
        case: "formatString",
        value: {
          format: {
            case: "textFormatSource",
            value: { specifier: { case: "inlineString", value: "%CLUSTER_METADATA(istio:alpn)%" } },
          },
          omitEmptyValues: true,
        },
      },
      skipIfEmpty: true,
      sharedWithUpstream: FilterStateValue_SharedWithUpstream.ONCE,
    },
  ],
});

/** Offers Istio's protocol names to the next proxy, by which its mutual TLS chains are told apart. */
export const alpn: HttpFilterRule = {
  name: "istio.alpn",
  build: (http, { istioExtensions, setsFilterState }) => {
    if (http.direction === "inbound") return [];
    if (istioExtensions) return [{ name: "istio.alpn", configType: { case: "typedConfig", value: config } }];
    return setsFilterState
      ? [
          {
            name: "envoy.filters.http.set_filter_state",
            configType: { case: "typedConfig", value: standIn },
          },
        ]
      : [];
  },
};
