import type { HealthCheck } from "@weft/envoy-api/envoy/extensions/filters/http/health_check/v3/health_check_pb.js";
import { compileHeader } from "@weft/matching";
import type { HttpFilterFactory } from "../../../compile/environment.ts";
import { decodeHeaderMatcher } from "../../../compile/route/matchers.ts";
import { createHealthCheckFilter } from "./filter.ts";

/** `envoy.filters.http.health_check` without pass-through mode. */
export const healthCheck: HttpFilterFactory = {
  name: "envoy.filters.http.health_check",
  configTypes: ["envoy.extensions.filters.http.health_check.v3.HealthCheck"],
  routeConfigTypes: [],
  compile(message, { name, path, problems, environment }) {
    const config = message as HealthCheck; // the registry goes by its type name
    if (config.passThroughMode === true) {
      problems.error(
        `${path}.pass_through_mode`,
        "not-implemented",
        "this proxy answers health checks itself, or leaves them to routes: set it to false",
      );
    }
    const matchers = config.headers.map((header, i) =>
      compileHeader(decodeHeaderMatcher(header, `${path}.headers[${i}]`, problems)),
    );
    return createHealthCheckFilter({
      name,
      matches: (request) => matchers.every((matches) => matches(request)),
      minimums: Object.entries(config.clusterMinHealthyPercentages).map(
        ([cluster, { value }]) => [cluster, value] as const,
      ),
      clusters: environment.clusters,
      serviceCluster: environment.serviceCluster,
    });
  },
};
