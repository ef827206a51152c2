import type { FilterConfig } from "@weft/envoy-api/envoy/extensions/filters/http/grpc_stats/v3/config_pb.js";
import type { HttpFilterFactory } from "../../../compile/environment.ts";
import { createGrpcStatsFilter } from "./filter.ts";

/** `envoy.filters.http.grpc_stats`. */
export const grpcStats: HttpFilterFactory = {
  name: "envoy.filters.http.grpc_stats",
  configTypes: ["envoy.extensions.filters.http.grpc_stats.v3.FilterConfig"],
  routeConfigTypes: [],
  compile: (message, { name, environment }) => {
    const config = message as FilterConfig; // the registry goes by its type name
    return createGrpcStatsFilter(
      name,
      {
        perMethod: compileMethods(config),
        upstreamTime: config.enableUpstreamStats,
        emit: config.emitFilterState,
      },
      environment.stats,
    );
  },
};

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/http/grpc_stats/v3/config.proto */
function compileMethods({ perMethodStatSpecifier: specifier }: FilterConfig): (path: string) => boolean {
  switch (specifier.case) {
    case "statsForAllMethods": {
      const all = specifier.value.value;
      return () => all;
    }
    case "individualMethodStatsAllowlist": {
      const allowed = new Set(
        specifier.value.services.flatMap(({ name, methodNames }) =>
          methodNames.map((method) => `/${name}/${method}`),
        ),
      );
      return (path) => allowed.has(path);
    }
    default:
      return () => false;
  }
}
