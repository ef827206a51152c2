import type { Any } from "@bufbuild/protobuf/wkt";
import { TypedStructSchema } from "@weft/envoy-api/udpa/type/v1/typed_struct_pb.js";
import { pack } from "../envoy/any.ts";
import type { HttpConnections, Metrics, ProxyTraits } from "../ir/index.ts";
import { statsFilter } from "./metrics.ts";

/** The filter's message, as JSON because its .proto is not part of Envoy's API. */
function toStats({ overrides, reportingIntervalMs }: Metrics, direction: HttpConnections["direction"]): Any {
  return pack(TypedStructSchema, {
    typeUrl: "type.googleapis.com/stats.PluginConfig",
    value: {
      // Who serves knows what it is called: only clients may have to take the name of a service from the request.
      ...(direction === "outbound" ? {} : { disable_host_header_fallback: true }),
      ...(reportingIntervalMs === undefined
        ? {}
        : { tcp_reporting_duration: `${reportingIntervalMs / 1000}s` }),
      ...(overrides.length === 0
        ? {}
        : {
            metrics: overrides.map(({ metric, drop, removedTags, tags }) => ({
              name: metric,
              ...(drop ? { drop } : {}),
              ...(removedTags.length === 0 ? {} : { tags_to_remove: [...removedTags] }),
              ...(Object.keys(tags).length === 0 ? {} : { dimensions: { ...tags } }),
            })),
          }),
    },
  });
}

/** The filters that keep Istio's metrics, of requests or of connections. */
export function toStatsFilters(
  direction: HttpConnections["direction"],
  { telemetry }: ProxyTraits,
): { name: string; configType: { case: "typedConfig"; value: Any } }[] {
  return telemetry[direction === "inbound" ? "server" : "client"].metrics.map((metrics) => ({
    name: statsFilter,
    configType: { case: "typedConfig", value: toStats(metrics, direction) },
  }));
}
