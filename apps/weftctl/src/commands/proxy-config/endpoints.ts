import { formatTable } from "../../output/table.ts";
import { type Json, object, objects, text } from "./config-dump.ts";
import { readAddress } from "./listeners.ts";

/** `--address`, `--port`, `--cluster` and `--status`. */
export interface EndpointFilter {
  readonly address?: string;
  readonly port?: number;
  readonly cluster?: string;
  /** `healthy` or `unhealthy`, in any case */
  readonly status?: string;
}

/** One host of one cluster, as a proxy's `/clusters?format=json` tells. */
export interface EndpointStatus {
  readonly address: string;
  readonly port: number;
  readonly status: string;
  readonly outlierCheck: "OK" | "FAILED";
  readonly cluster: string;
}

/** Reads `/clusters?format=json`; throws where it is none. https://www.envoyproxy.io/docs/envoy/latest/api-v3/admin/v3/clusters.proto */
export function readEndpoints(clusters: unknown): readonly EndpointStatus[] {
  const statuses = object(clusters).cluster_statuses;
  if (!Array.isArray(statuses))
    throw new Error('this is no cluster status: it has no list "cluster_statuses"');
  return statuses.map(object).flatMap((cluster) =>
    objects(cluster.host_statuses).map((host) => {
      const health = object(host.health_status);
      return {
        ...readAddress(host.address),
        status: describeHealth(health),
        outlierCheck: health.failed_outlier_check === true ? ("FAILED" as const) : ("OK" as const),
        cluster: text(cluster.name),
      };
    }),
  );
}

function describeHealth(health: Json): string {
  if (health.failed_active_health_check === true) return "UNHEALTHY";
  const eds = text(health.eds_health_status);
  return eds === "" || eds === "UNKNOWN" ? "HEALTHY" : eds;
}

/** The endpoints that match, by cluster and address. */
export function selectEndpoints(
  endpoints: readonly EndpointStatus[],
  filter: EndpointFilter,
): readonly EndpointStatus[] {
  return endpoints
    .filter(
      (endpoint) =>
        (filter.address === undefined || endpoint.address === filter.address) &&
        (filter.port === undefined || endpoint.port === filter.port) &&
        (filter.cluster === undefined || endpoint.cluster === filter.cluster) &&
        (filter.status === undefined || endpoint.status.toLowerCase() === filter.status.toLowerCase()),
    )
    .sort((a, b) => {
      const order = (endpoint: EndpointStatus) =>
        [endpoint.address, String(endpoint.port).padStart(5), endpoint.cluster].join(" ");
      return order(a) < order(b) ? -1 : 1;
    });
}

/** The table of `proxy-config endpoints`, with istioctl's columns. */
export function endpointTable(endpoints: readonly EndpointStatus[]): string {
  const rows = endpoints.map(({ address, port, status, outlierCheck, cluster }) => [
    address.includes("://") ? address : `${address}:${port}`,
    status,
    outlierCheck,
    cluster,
  ]);
  return formatTable(["ENDPOINT", "STATUS", "OUTLIER CHECK", "CLUSTER"], rows);
}
