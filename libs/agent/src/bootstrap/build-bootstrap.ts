import type { BootstrapNode } from "../node/node.ts";
import type { ProxyConfig } from "../node/proxy-config.ts";
import { sdsCluster, socketAddress, tcpCluster, xdsCluster } from "./clusters.ts";
import { buildStaticListener } from "./listeners.ts";
import type { AgentAddresses, AgentPorts } from "./ports.ts";
import { buildStatsConfig } from "./stats.ts";

/** What {@link buildBootstrap} needs to know. */
export interface BootstrapOptions {
  readonly node: BootstrapNode;
  readonly proxyConfig: ProxyConfig;
  readonly instanceIps: readonly string[];
  readonly ports: AgentPorts;
  readonly addresses: AgentAddresses;
  /** Unix socket of the agent's xDS relay. */
  readonly xdsSocket: string;
  /** Unix socket of the agent's SDS server. */
  readonly sdsSocket: string;
}

/** Istio's runtime values: no limit below the file descriptors', larger regular expressions, fragments in paths are taken off. */
const runtimeDefaults: Readonly<Record<string, unknown>> = {
  "overload.global_downstream_max_connections": "2147483647",
  "re2.max_program_size.error_level": "32768",
  "envoy.reloadable_features.http_reject_path_with_fragment": false,
};

/**
 * Builds Envoy's bootstrap as Istio's agent does, in JSON with proto field names: the node, the admin API, dynamic listeners and clusters
 * by delta ADS from the agent's relay, and two static listeners: the proxy's metrics (15090) and the health check (15021).
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/bootstrap/v3/bootstrap.proto
 */
export function buildBootstrap(options: BootstrapOptions): Readonly<Record<string, unknown>> {
  const { node, proxyConfig, instanceIps, ports, addresses, xdsSocket, sdsSocket } = options;
  const fromAds = { ads: {}, initial_fetch_timeout: "0s", resource_api_version: "V3" };
  return {
    node,
    layered_runtime: {
      layers: [
        { name: "global config", static_layer: runtimeLayer(proxyConfig.runtimeValues) },
        { name: "admin", admin_layer: {} },
      ],
    },
    stats_config: buildStatsConfig(proxyConfig, instanceIps),
    admin: { address: socketAddress(addresses.local, ports.admin) },
    dynamic_resources: {
      lds_config: fromAds,
      cds_config: fromAds,
      ads_config: {
        api_type: "DELTA_GRPC",
        set_node_on_first_message_only: true,
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: "xds-grpc" } }],
      },
    },
    static_resources: {
      clusters: [
        tcpCluster("prometheus_stats", addresses.local, ports.admin),
        tcpCluster("agent", addresses.local, ports.status),
        sdsCluster(sdsSocket),
        xdsCluster(xdsSocket),
      ],
      listeners: [
        buildStaticListener({
          name: "prometheus_stats",
          statPrefix: "stats",
          address: addresses.public,
          port: ports.stats,
          route: { path: "/stats/prometheus", cluster: "prometheus_stats" },
        }),
        buildStaticListener({
          name: "agent",
          statPrefix: "agent",
          address: addresses.public,
          port: ports.health,
          route: { path: "/healthz/ready", cluster: "agent" },
        }),
      ],
    },
  };
}

/** ProxyConfig's values over the defaults; an empty one takes a default away; `true` and `false` are booleans to Envoy. */
function runtimeLayer(values: Readonly<Record<string, string>>): Record<string, unknown> {
  const layer: Record<string, unknown> = { ...runtimeDefaults };
  for (const [name, value] of Object.entries(values)) {
    if (value === "") delete layer[name];
    else layer[name] = value === "true" ? true : value === "false" ? false : value;
  }
  return layer;
}
