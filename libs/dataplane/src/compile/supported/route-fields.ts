import type { FieldSupport } from "./index.ts";

const route = "envoy.config.route.v3";
const headerFields =
  "request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove";

/** Route configurations. */
export const routeFields: Readonly<Record<string, FieldSupport>> = {
  [`${route}.RouteConfiguration`]: {
    used: `name virtual_hosts vhds ${headerFields} most_specific_header_mutations_wins ignore_port_in_host_matching
      typed_per_filter_config request_mirror_policies max_direct_response_body_size_bytes`,
    withoutEffect: {
      validate_clusters: "a route to a cluster that is not there answers 503 (or as the route says)",
      metadata: "is for readers of the configuration",
    },
  },
  [`${route}.VirtualHost`]: {
    used: `name domains routes require_tls ${headerFields} include_request_attempt_count
      include_attempt_count_in_response retry_policy typed_per_filter_config request_mirror_policies rate_limits`,
    withoutEffect: {
      virtual_clusters: "those statistics are not kept",
      per_request_buffer_limit_bytes: "retries keep what fits into their fixed buffer",
      metadata: "is for readers of the configuration",
    },
  },
  [`${route}.Route`]: {
    used: `name match route redirect direct_response metadata decorator typed_per_filter_config ${headerFields}`,
    withoutEffect: {
      tracing: "no spans are made yet",
      per_request_buffer_limit_bytes: "retries keep what fits into their fixed buffer",
      stat_prefix: "those statistics are not kept",
    },
  },
  [`${route}.Decorator`]: { used: "operation propagate" },
  [`${route}.RouteMatch`]: {
    used: `prefix path safe_regex path_separated_prefix connect_matcher case_sensitive runtime_fraction headers
      query_parameters dynamic_metadata grpc`,
  },
  [`${route}.HeaderMatcher`]: {
    used: `name string_match present_match range_match exact_match safe_regex_match prefix_match suffix_match
      contains_match invert_match treat_missing_header_as_empty`,
  },
  [`${route}.RouteAction`]: {
    used: `cluster cluster_header weighted_clusters cluster_not_found_response_code prefix_rewrite regex_rewrite
      host_rewrite_literal auto_host_rewrite host_rewrite_header host_rewrite_path_regex append_x_forwarded_host timeout
      idle_timeout retry_policy request_mirror_policies hash_policy max_grpc_timeout upgrade_configs
      max_stream_duration rate_limits include_vh_rate_limits metadata_match`,
    withoutEffect: {
      priority: "circuit breakers know one priority",
      early_data_policy: "HTTP/3 is not served",
    },
  },
  [`${route}.RateLimit`]: {
    used: "stage actions",
    withoutEffect: { disable_key: "runtime keys are not looked up: the limit holds" },
  },
  [`${route}.RouteAction.MaxStreamDuration`]: { used: "max_stream_duration grpc_timeout_header_max" },
  [`${route}.RouteAction.UpgradeConfig`]: { used: "upgrade_type enabled" },
  [`${route}.RouteAction.RequestMirrorPolicy`]: {
    used: "cluster cluster_header runtime_fraction disable_shadow_host_suffix_append",
    withoutEffect: { trace_sampled: "no spans are made yet" },
  },
  [`${route}.RouteAction.HashPolicy`]: {
    used: "header cookie connection_properties query_parameter terminal",
  },
  [`${route}.RouteAction.HashPolicy.Header`]: { used: "header_name regex_rewrite" },
  [`${route}.WeightedCluster`]: { used: "clusters total_weight" },
  [`${route}.WeightedCluster.ClusterWeight`]: {
    used: `name cluster_header weight ${headerFields} typed_per_filter_config host_rewrite_literal
      metadata_match`,
  },
  [`${route}.RetryPolicy`]: {
    used: `retry_on num_retries per_try_timeout retry_host_predicate host_selection_retry_max_attempts
      retriable_status_codes retry_back_off retriable_headers retriable_request_headers per_try_idle_timeout
      retry_priority rate_limited_retry_back_off`,
  },
  [`${route}.RedirectAction`]: {
    used: `https_redirect scheme_redirect host_redirect port_redirect path_redirect prefix_rewrite regex_rewrite
      response_code strip_query`,
  },
  [`${route}.DirectResponseAction`]: { used: "status body" },
  "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation": {
    used: "mutations",
    withoutEffect: {
      most_specific_header_mutations_wins: "of the route's changes the most specific hold alone",
    },
  },
  "envoy.extensions.filters.http.csrf.v3.CsrfPolicy": {
    used: "filter_enabled shadow_enabled additional_origins",
  },
  "envoy.extensions.filters.http.buffer.v3.Buffer": { used: "max_request_bytes" },
  "envoy.extensions.filters.http.health_check.v3.HealthCheck": {
    used: "pass_through_mode cluster_min_healthy_percentages headers",
    withoutEffect: { cache_time: "is for pass-through mode" },
  },
  "envoy.extensions.filters.http.ratelimit.v3.RateLimit": {
    used: `domain stage request_type timeout failure_mode_deny rate_limited_as_resource_exhausted rate_limit_service
      enable_x_ratelimit_headers disable_x_envoy_ratelimited_header rate_limited_status response_headers_to_add
      status_on_error stat_prefix`,
  },
  "envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute": {
    used: "vh_rate_limits domain rate_limits",
  },
  "envoy.config.ratelimit.v3.RateLimitServiceConfig": { used: "grpc_service transport_api_version" },
  "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit": {
    used: `stat_prefix status token_bucket filter_enabled filter_enforced request_headers_to_add_when_not_enforced
      response_headers_to_add descriptors stage local_rate_limit_per_downstream_connection
      enable_x_ratelimit_headers vh_rate_limits always_consume_default_token_bucket
      rate_limited_as_resource_exhausted`,
  },
  "envoy.config.core.v3.RuntimeFractionalPercent": {
    used: "default_value",
    withoutEffect: { runtime_key: "runtime keys are not looked up: the default value counts" },
  },
};
