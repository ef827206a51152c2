import type { ClusterSet } from "../../../runtime/cluster.ts";
import type { FilterStatus, HttpFilter, HttpStream, HttpStreamFilter } from "../../../runtime/http-filter.ts";
import type { RequestView } from "../../../runtime/request.ts";

/** Health checks of the proxy itself. */
export interface HealthCheckConfig {
  readonly name: string;
  /** Which requests are health checks. */
  readonly matches: (request: RequestView) => boolean;
  /** Clusters that must have so many of their hosts, in percent, healthy. */
  readonly minimums: readonly (readonly [cluster: string, percent: number])[];
  readonly clusters: ClusterSet;
  /** What this proxy's own service is called; the answer says it. */
  readonly serviceCluster: string;
}

/** Answers health checks in place of the application. https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/health_check_filter */
export function createHealthCheckFilter(config: HealthCheckConfig): HttpFilter {
  return {
    name: config.name,
    open: (stream) => (config.matches(stream.request) ? new HealthCheckStream(stream, config) : undefined),
  };
}

class HealthCheckStream implements HttpStreamFilter {
  readonly #stream: HttpStream;
  readonly #config: HealthCheckConfig;

  constructor(stream: HttpStream, config: HealthCheckConfig) {
    this.#stream = stream;
    this.#config = config;
  }

  onRequest(): FilterStatus {
    const { minimums, clusters, serviceCluster } = this.#config;
    const headers = ["x-envoy-upstream-healthchecked-cluster", serviceCluster];
    const failed = minimums.some(([name, percent]) => {
      const cluster = clusters.get(name);
      return cluster === undefined || cluster.healthyPercent < percent;
    });
    this.#stream.reply(
      failed
        ? { status: 503, details: "health_check_cluster_unhealthy", headers }
        : { status: 200, details: "health_check_ok", headers },
    );
    return "stop";
  }
}
