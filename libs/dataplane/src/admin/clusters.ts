import type { ClusterHost, RunningCluster } from "../cluster/index.ts";
import type { AdminEndpoint, AdminOptions } from "./endpoint.ts";
import { addressJson, addressText } from "./listeners.ts";

/** Clusters with their hosts, as `envoy.admin.v3.Clusters` or as text. */
export const clustersEndpoint: AdminEndpoint = {
  path: "/clusters",
  help: "upstream cluster status (?format=text|json)",
  handle({ query }, options) {
    const clusters = [...options.clusters.active.values()];
    if (query.get("format") === "json") {
      return { json: { cluster_statuses: clusters.map((cluster) => clusterJson(cluster, options)) } };
    }
    return { text: clusters.map((cluster) => clusterText(cluster, options)).join("") };
  },
};

const addedViaApi = ({ name }: RunningCluster, { resources }: AdminOptions) =>
  resources.state.clusters.records.get(name)?.isStatic !== true;

const serviceNameOf = ({ config: { discovery } }: RunningCluster) =>
  discovery.kind === "eds" ? discovery.serviceName : undefined;

function limitsOf({ config: { limits } }: RunningCluster) {
  return {
    max_connections: limits.connection,
    max_pending_requests: limits.pending,
    max_requests: limits.request,
    max_retries: limits.retry,
  };
}

/** Envoy's counters and gauges of a host. */
function figuresOf({ figures, activeRequests }: ClusterHost) {
  return {
    counters: {
      cx_connect_fail: figures.cxConnectFail,
      cx_total: figures.cxTotal,
      rq_error: figures.rqError,
      rq_success: figures.rqSuccess,
      rq_timeout: figures.rqTimeout,
      rq_total: figures.rqTotal,
    },
    gauges: { cx_active: figures.cxActive, rq_active: activeRequests },
  };
}

function clusterJson(cluster: RunningCluster, options: AdminOptions): unknown {
  const edsServiceName = serviceNameOf(cluster);
  return {
    name: cluster.name,
    added_via_api: addedViaApi(cluster, options),
    host_statuses: cluster.hosts.map(hostJson),
    circuit_breakers: { thresholds: [limitsOf(cluster), { priority: "HIGH", ...limitsOf(cluster) }] },
    observability_name: cluster.observabilityName,
    ...(edsServiceName !== undefined && { eds_service_name: edsServiceName }),
  };
}

const edsHealth = {
  healthy: "HEALTHY",
  degraded: "DEGRADED",
  unhealthy: "UNHEALTHY",
  draining: "DRAINING",
} as const;

function hostJson(host: ClusterHost): unknown {
  const { counters, gauges } = figuresOf(host);
  // 64-bit numbers are strings in protobuf's JSON; 0 is left out.
  const value = (count: number) => (count === 0 ? {} : { value: String(count) });
  const { region, zone, subZone } = host.locality;
  return {
    address: addressJson(host),
    stats: [
      ...Object.entries(counters).map(([name, count]) => ({ name, ...value(count) })),
      ...Object.entries(gauges).map(([name, count]) => ({ type: "GAUGE", name, ...value(count) })),
    ],
    health_status: {
      eds_health_status: edsHealth[host.health],
      ...(host.ejected && { failed_outlier_check: true }),
    },
    weight: host.weight,
    ...(host.hostname !== "" && { hostname: host.hostname }),
    ...(host.priority !== 0 && { priority: host.priority }),
    locality: {
      ...(region !== "" && { region }),
      ...(zone !== "" && { zone }),
      ...(subZone !== "" && { sub_zone: subZone }),
    },
  };
}

function healthFlags(host: ClusterHost): string {
  const flags = [
    ...(host.ejected ? ["/failed_outlier_check"] : []),
    ...(host.health === "unhealthy" || host.health === "draining" ? ["/failed_eds_health"] : []),
    ...(host.health === "degraded" ? ["/degraded_eds_health"] : []),
  ];
  return flags.length === 0 ? "healthy" : flags.join("");
}

function clusterText(cluster: RunningCluster, options: AdminOptions): string {
  const lines = [`observability_name::${cluster.observabilityName}`];
  for (const priority of ["default_priority", "high_priority"]) {
    for (const [name, limit] of Object.entries(limitsOf(cluster)))
      lines.push(`${priority}::${name}::${limit}`);
  }
  lines.push(`added_via_api::${addedViaApi(cluster, options)}`);
  if (cluster.config.outlierDetection !== undefined) {
    // Success rates are not judged: -1, as in Envoy where there is nothing to judge.
    for (const prefix of ["", "local_origin_"]) {
      lines.push(
        `outlier::${prefix}success_rate_average::-1`,
        `outlier::${prefix}success_rate_ejection_threshold::-1`,
      );
    }
  }
  const edsServiceName = serviceNameOf(cluster);
  if (edsServiceName !== undefined) lines.push(`eds_service_name::${edsServiceName}`);
  for (const host of cluster.hosts) {
    const { counters, gauges } = figuresOf(host);
    const { region, zone, subZone } = host.locality;
    const facts = {
      ...Object.fromEntries(Object.entries({ ...counters, ...gauges }).sort(([a], [b]) => (a < b ? -1 : 1))),
      hostname: host.hostname,
      health_flags: healthFlags(host),
      weight: host.weight,
      region,
      zone,
      sub_zone: subZone,
      canary: false,
      priority: host.priority,
      success_rate: "-1.0",
      local_origin_success_rate: "-1.0",
    };
    for (const [name, value] of Object.entries(facts)) lines.push(`${addressText(host)}::${name}::${value}`);
  }
  return lines.map((line) => `${cluster.name}::${line}\n`).join("");
}
