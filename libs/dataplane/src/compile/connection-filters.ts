import type { RuntimeFeatureFlag } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import type { ConnectionLimit } from "@weft/envoy-api/envoy/extensions/filters/network/connection_limit/v3/connection_limit_pb.js";
import type { LocalRateLimit } from "@weft/envoy-api/envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit_pb.js";
import type { FilterConfig as SniForwardProxy } from "@weft/envoy-api/envoy/extensions/filters/network/sni_dynamic_forward_proxy/v3/sni_dynamic_forward_proxy_pb.js";
import type { NetworkFilterLayer } from "../runtime/connection.ts";
import { createConnectionLimit, createConnectionRateLimit, createSniForwardProxy } from "../tcp/index.ts";
import { compileDnsCache } from "./dns-cache.ts";
import type { LayerFactory } from "./network-filters.ts";
import { compileBucket } from "./token-bucket.ts";
import { durationMs } from "./values.ts";

const isOn = (flag: RuntimeFeatureFlag | undefined) => flag?.defaultValue ?? true;
const passOn: NetworkFilterLayer = (next) => next;

/** The cluster is named by the client, in its TLS hello. https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/sni_cluster_filter */
const sniCluster: NetworkFilterLayer = (next) => (connection) => {
  const { serverName } = connection.info;
  if (serverName === undefined) return next(connection);
  return next({ ...connection, upstream: { ...connection.upstream, cluster: serverName } });
};

/** The network filters that bound connections, or say where they go. */
export const connectionFilters: readonly LayerFactory[] = [
  {
    name: "envoy.filters.network.connection_limit",
    type: "envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit",
    compile(config, _path, { stats, clock }) {
      const message = config as ConnectionLimit; // its type was compared
      if (!isOn(message.runtimeEnabled)) return () => passOn;
      const options = {
        maxConnections: Number(message.maxConnections ?? 1n),
        delayMs: durationMs(message.delay, 0),
        stats: stats.scope(`connection_limit.${message.statPrefix}`),
        clock,
      };
      return (accessLogs) => createConnectionLimit({ ...options, accessLogs });
    },
  },
  {
    name: "envoy.filters.network.local_ratelimit",
    type: "envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit",
    compile(config, path, { stats, clock }, problems) {
      const message = config as LocalRateLimit; // its type was compared
      const bucket = compileBucket(message.tokenBucket, `${path}.token_bucket`, problems);
      if (!isOn(message.runtimeEnabled)) return () => passOn;
      const scope = stats.scope(`local_rate_limit.${message.statPrefix}`);
      return (accessLogs) => createConnectionRateLimit({ bucket, stats: scope, accessLogs, clock });
    },
  },
  {
    name: "envoy.filters.network.sni_dynamic_forward_proxy",
    type: "envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig",
    compile(config, path, { dnsCaches }, problems) {
      const { dnsCacheConfig, portSpecifier } = config as SniForwardProxy; // its type was compared
      const cache = compileDnsCache(dnsCacheConfig, `${path}.dns_cache_config`, dnsCaches, problems);
      const port = portSpecifier.case === "portValue" ? portSpecifier.value : 443;
      return cache && (() => createSniForwardProxy(cache, port));
    },
  },
  {
    name: "envoy.filters.network.sni_cluster",
    type: "envoy.extensions.filters.network.sni_cluster.v3.SniCluster",
    compile: () => () => sniCluster,
  },
];
