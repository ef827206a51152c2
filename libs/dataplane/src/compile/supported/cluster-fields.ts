import type { FieldSupport } from "./index.ts";

const cluster = "envoy.config.cluster.v3";
const endpoint = "envoy.config.endpoint.v3";

/** Clusters and endpoints. */
export const clusterFields: Readonly<Record<string, FieldSupport>> = {
  [`${cluster}.Cluster`]: {
    used: `name alt_stat_name type eds_cluster_config connect_timeout lb_policy load_assignment circuit_breakers
      outlier_detection ring_hash_lb_config maglev_lb_config least_request_lb_config original_dst_lb_config
      common_lb_config typed_extension_protocol_options transport_socket transport_socket_matches upstream_bind_config
      upstream_connection_options dns_refresh_rate dns_lookup_family cleanup_interval max_requests_per_connection
      http2_protocol_options filters round_robin_lb_config lb_subset_config cluster_type
      dns_jitter dns_failure_refresh_rate`,
    withoutEffect: {
      metadata: "is for readers of the configuration",
      respect_dns_ttl: "names are resolved by the system, which tells no TTL: dns_refresh_rate holds",
      typed_dns_resolver_config: "names are resolved by the system",
      dns_resolution_config: "names are resolved by the system",
      use_tcp_for_dns_lookups: "names are resolved by the system",
      wait_for_warm_on_init: "clusters are always used once they are warm",
      per_connection_buffer_limit_bytes: "buffers have their fixed bounds",
      track_cluster_stats: "those statistics are not kept",
      track_timeout_budgets: "those statistics are not kept",
      preconnect_policy: "connections are opened when needed",
      ignore_health_on_host_removal: "hosts always go when they are removed",
      close_connections_on_host_health_failure: "there are no active health checks",
      connection_pool_per_downstream_connection: "connections are shared",
      http_protocol_options: "the defaults of HTTP/1 hold upstream",
      upstream_http_protocol_options: "names follow the configured sni and names alone",
    },
  },
  "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig": {
    used: "dns_cache_config",
    withoutEffect: {
      allow_insecure_cluster_options: "names follow the configured sni and names alone",
      allow_coalesced_connections: "connections are for one name",
    },
  },
  "envoy.extensions.common.dynamic_forward_proxy.v3.DnsCacheConfig": {
    used: `name dns_lookup_family dns_refresh_rate host_ttl max_hosts dns_cache_circuit_breaker preresolve_hostnames
      dns_query_timeout`,
    withoutEffect: {
      dns_min_refresh_rate: "names are resolved by the system, which tells no TTL: dns_refresh_rate holds",
      dns_failure_refresh_rate: "dns_refresh_rate holds for failures too",
      use_tcp_for_dns_lookups: "names are resolved by the system",
      dns_resolution_config: "names are resolved by the system",
      typed_dns_resolver_config: "names are resolved by the system",
    },
  },
  "envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig": {
    used: "dns_cache_config",
    withoutEffect: { save_upstream_address: "no filter reads it" },
  },
  [`${cluster}.Cluster.EdsClusterConfig`]: { used: "eds_config service_name" },
  [`${cluster}.Cluster.RingHashLbConfig`]: { used: "minimum_ring_size maximum_ring_size hash_function" },
  [`${cluster}.Cluster.MaglevLbConfig`]: { used: "table_size" },
  [`${cluster}.Cluster.LeastRequestLbConfig`]: {
    used: "choice_count active_request_bias slow_start_config",
  },
  [`${cluster}.Cluster.RoundRobinLbConfig`]: { used: "slow_start_config" },
  [`${cluster}.Cluster.SlowStartConfig`]: { used: "slow_start_window aggression min_weight_percent" },
  [`${cluster}.Cluster.LbSubsetConfig`]: {
    used: "fallback_policy default_subset subset_selectors panic_mode_any list_as_any",
    withoutEffect: {
      locality_weight_aware: "localities have the weights that they have in the cluster",
      scale_locality_weight: "localities have the weights that they have in the cluster",
    },
  },
  [`${cluster}.Cluster.LbSubsetConfig.LbSubsetSelector`]: {
    used: "keys fallback_policy fallback_keys_subset",
  },
  [`${cluster}.Cluster.OriginalDstLbConfig`]: { used: "upstream_port_override" },
  [`${cluster}.Cluster.CommonLbConfig`]: {
    used: "healthy_panic_threshold locality_weighted_lb_config consistent_hashing_lb_config",
    withoutEffect: {
      zone_aware_lb_config: "needs a local cluster, which is not configured",
      update_merge_window: "endpoint updates are taken at once",
      ignore_new_hosts_until_first_hc: "there are no active health checks",
      close_connections_on_host_set_change: "connections to removed hosts drain",
    },
  },
  [`${cluster}.Cluster.CommonLbConfig.ConsistentHashingLbConfig`]: {
    used: "use_hostname_for_hashing",
    withoutEffect: { hash_balance_factor: "hosts may get more than their share of requests" },
  },
  [`${cluster}.CircuitBreakers`]: {
    used: "thresholds",
    withoutEffect: { per_host_thresholds: "limits hold for the cluster as a whole" },
  },
  [`${cluster}.CircuitBreakers.Thresholds`]: {
    used: "priority max_connections max_pending_requests max_requests max_retries retry_budget",
    withoutEffect: {
      track_remaining: "remaining_* gauges are not kept",
      max_connection_pools: "there is one pool for each host",
    },
  },
  [`${cluster}.OutlierDetection`]: {
    used: `consecutive_5xx interval base_ejection_time max_ejection_percent enforcing_consecutive_5xx
      consecutive_gateway_failure enforcing_consecutive_gateway_failure split_external_local_origin_errors
      consecutive_local_origin_failure enforcing_consecutive_local_origin_failure max_ejection_time
      max_ejection_time_jitter always_eject_one_host enforcing_success_rate enforcing_local_origin_success_rate
      success_rate_minimum_hosts success_rate_request_volume success_rate_stdev_factor enforcing_failure_percentage
      enforcing_failure_percentage_local_origin failure_percentage_threshold failure_percentage_minimum_hosts
      failure_percentage_request_volume`,
    withoutEffect: {
      successful_active_health_check_uneject_host: "a host that was ejected comes back when its time is over",
    },
  },
  [`${cluster}.UpstreamConnectionOptions`]: {
    used: "tcp_keepalive",
    withoutEffect: {
      set_local_interface_name_on_upstream_connections: "is for filters that are not there",
      happy_eyeballs_config: "a host has one address",
    },
  },
  "envoy.config.core.v3.BindConfig": { used: "source_address" },
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    used: "common_http_protocol_options explicit_http_config use_downstream_protocol_config auto_config",
    withoutEffect: { upstream_http_protocol_options: "names follow the configured sni and names alone" },
  },
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig": {
    used: "http_protocol_options http2_protocol_options",
  },
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.UseDownstreamHttpConfig": {
    used: "http_protocol_options http2_protocol_options",
  },
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions.AutoHttpConfig": {
    used: "http_protocol_options http2_protocol_options",
  },
  "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport": {
    used: "config transport_socket",
  },
  "envoy.config.core.v3.ProxyProtocolConfig": {
    used: "version",
    withoutEffect: { pass_through_tlvs: "what came with the downstream connection is not kept" },
  },
  [`${endpoint}.ClusterLoadAssignment`]: { used: "cluster_name endpoints policy" },
  [`${endpoint}.ClusterLoadAssignment.Policy`]: {
    used: "overprovisioning_factor",
    withoutEffect: {
      endpoint_stale_after: "endpoints hold until others are sent",
      weighted_priority_health: "priorities are judged by the number of hosts",
    },
  },
  [`${endpoint}.LocalityLbEndpoints`]: {
    used: "locality lb_endpoints load_balancing_weight priority",
    withoutEffect: {
      proximity: "no balancer uses it",
      metadata: "is for readers of the configuration",
    },
  },
  [`${endpoint}.LbEndpoint`]: { used: "endpoint health_status metadata load_balancing_weight" },
  [`${endpoint}.Endpoint`]: {
    used: "address hostname",
    withoutEffect: {
      health_check_config: "there are no active health checks",
      additional_addresses: "the first address is used",
    },
  },
};
