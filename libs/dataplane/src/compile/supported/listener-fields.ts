import type { FieldSupport } from "./index.ts";

const listener = "envoy.config.listener.v3";
const hcm = "envoy.extensions.filters.network.http_connection_manager.v3";
const tcpProxy = "envoy.extensions.filters.network.tcp_proxy.v3";

/** Listeners, filter chains and network filters. */
export const listenerFields: Readonly<Record<string, FieldSupport>> = {
  [`${listener}.Listener`]: {
    used: `name address additional_addresses filter_chains default_filter_chain listener_filters
      listener_filters_timeout continue_on_listener_filters_timeout use_original_dst bind_to_port deprecated_v1
      traffic_direction stat_prefix access_log tcp_backlog_size`,
    withoutEffect: {
      metadata: "is for readers of the configuration",
      per_connection_buffer_limit_bytes: "buffers have their fixed bounds",
      drain_type: "connections drain whenever their filter chain changes or goes",
      enable_reuse_port: "one process accepts on one thread",
      reuse_port: "one process accepts on one thread",
      connection_balance_config: "one process accepts on one thread",
      max_connections_to_accept_per_socket_event: "Node decides how many are accepted at once",
      ignore_global_conn_limit: "there is no global limit",
      tcp_fast_open_queue_length: "TCP fast open is left to the system",
      bypass_overload_manager: "there is no overload manager",
    },
  },
  [`${listener}.Listener.DeprecatedV1`]: { used: "bind_to_port" },
  [`${listener}.AdditionalAddress`]: { used: "address" },
  [`${listener}.FilterChain`]: {
    used: "filter_chain_match filters transport_socket transport_socket_connect_timeout name",
    withoutEffect: { metadata: "is for readers of the configuration" },
  },
  [`${listener}.FilterChainMatch`]: {
    used: `destination_port prefix_ranges direct_source_prefix_ranges source_type source_prefix_ranges source_ports
      server_names transport_protocol application_protocols`,
  },
  [`${listener}.Filter`]: { used: "name typed_config" },
  [`${listener}.ListenerFilter`]: { used: "name typed_config filter_disabled" },
  [`${tcpProxy}.TcpProxy`]: {
    used: `stat_prefix cluster weighted_clusters idle_timeout access_log max_connect_attempts hash_policy
      max_downstream_connection_duration metadata_match access_log_options access_log_flush_interval
      flush_access_log_on_connected tunneling_config`,
  },
  [`${tcpProxy}.TcpProxy.TunnelingConfig`]: {
    used: "hostname use_post headers_to_add post_path",
    withoutEffect: {
      propagate_response_headers: "no filter reads them",
      propagate_response_trailers: "no filter reads them",
    },
  },
  [`${tcpProxy}.TcpProxy.TcpAccessLogOptions`]: {
    used: "access_log_flush_interval flush_access_log_on_connected",
  },
  [`${tcpProxy}.TcpProxy.WeightedCluster.ClusterWeight`]: {
    used: "name weight metadata_match",
  },
  [`${hcm}.HttpConnectionManager`]: {
    used: `codec_type stat_prefix rds route_config http_filters common_http_protocol_options http_protocol_options
      http2_protocol_options server_name server_header_transformation max_request_headers_kb stream_idle_timeout request_timeout
      request_headers_timeout drain_timeout access_log use_remote_address xff_num_trusted_hops internal_address_config
      skip_xff_append via generate_request_id preserve_external_request_id always_set_request_id_in_response
      forward_client_cert_details set_current_client_cert_details proxy_100_continue upgrade_configs normalize_path
      merge_slashes path_with_escaped_slashes_action request_id_extension strip_matching_host_port
      strip_any_host_port strip_trailing_host_dot`,
    withoutEffect: {
      tracing: "no spans are made yet",
      http3_protocol_options: "HTTP/3 is not served",
      delayed_close_timeout: "a closed connection's last bytes are left to the system",
      stream_error_on_invalid_http_message: "after a message that makes no sense the connection is closed",
      typed_header_validation_config: "headers are always validated",
      add_proxy_protocol_connection_state: "no filter reads it",
      access_log_options: "access logs are written when a stream ends",
      append_local_overload: "there is no overload manager",
    },
  },
  [`${hcm}.HttpConnectionManager.UpgradeConfig`]: { used: "upgrade_type enabled" },
  [`${hcm}.HttpConnectionManager.InternalAddressConfig`]: { used: "unix_sockets cidr_ranges" },
  [`${hcm}.Rds`]: { used: "config_source route_config_name" },
  [`${hcm}.HttpFilter`]: { used: "name typed_config is_optional disabled" },
  "envoy.config.core.v3.HttpProtocolOptions": {
    used: `idle_timeout max_connection_duration max_headers_count max_stream_duration max_requests_per_connection
      headers_with_underscores_action`,
  },
  "envoy.config.core.v3.Http1ProtocolOptions": {
    used: `allow_absolute_url accept_http_10 default_host_for_http_10 header_key_format enable_trailers
      allow_chunked_length`,
    withoutEffect: {
      override_stream_error_on_invalid_http_message:
        "after a message that makes no sense the connection is closed",
      send_fully_qualified_url: "request targets go upstream in origin form",
      use_balsa_parser: "there is one parser",
    },
  },
  "envoy.extensions.filters.http.router.v3.Router": {
    used: "suppress_envoy_headers",
    withoutEffect: {
      dynamic_stats: "statistics are kept whenever they are counted",
      start_child_span: "no spans are made yet",
    },
  },
  "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol": {
    used: "allow_requests_without_proxy_protocol disallowed_versions stat_prefix",
    withoutEffect: { pass_through_tlvs: "no filter reads them, and none are sent upstream" },
  },
  "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector": {
    used: "",
    withoutEffect: {
      enable_ja3_fingerprinting: "no filter reads fingerprints",
      initial_read_buffer_size: "Node decides how much is read at once",
    },
  },
  "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig": {
    used: "",
    withoutEffect: {
      pack_trace_reason: "no spans are made yet",
      use_request_id_for_trace_sampling: "no spans are made yet",
    },
  },
  "envoy.config.accesslog.v3.AccessLog": { used: "name filter typed_config" },
  "envoy.extensions.access_loggers.file.v3.FileAccessLog": {
    used: "path format json_format typed_json_format log_format",
  },
  "envoy.config.core.v3.SubstitutionFormatString": {
    used: "text_format json_format text_format_source omit_empty_values",
    withoutEffect: {
      content_type: "is for responses, not for logs",
      json_format_options: "keys of JSON lines are always sorted",
    },
  },
};
