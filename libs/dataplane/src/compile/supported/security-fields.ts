import type { FieldSupport } from "./index.ts";

const extAuthz = "envoy.extensions.filters.http.ext_authz.v3";
const jwt = "envoy.extensions.filters.http.jwt_authn.v3";

/** Authentication and authorization. Whatever would let more through if it were left out is refused. */
export const securityFields: Readonly<Record<string, FieldSupport>> = {
  "envoy.config.rbac.v3.RBAC": { used: "action policies" },
  "envoy.extensions.filters.http.rbac.v3.RBAC": {
    used: "rules rules_stat_prefix shadow_rules shadow_rules_stat_prefix track_per_rule_stats",
  },
  "envoy.extensions.filters.http.rbac.v3.RBACPerRoute": { used: "rbac" },
  [`${jwt}.JwtAuthentication`]: {
    used: "providers rules bypass_cors_preflight requirement_map strip_failure_response",
  },
  [`${jwt}.JwtProvider`]: {
    used: `issuer audiences subjects require_expiration max_lifetime remote_jwks local_jwks forward from_headers from_params
      from_cookies forward_payload_header pad_forward_payload_header payload_in_metadata
      normalize_payload_in_metadata header_in_metadata failed_status_in_metadata clock_skew_seconds
      jwt_cache_config claim_to_headers clear_route_cache`,
  },
  [`${jwt}.RemoteJwks`]: {
    used: "http_uri cache_duration",
    withoutEffect: {
      async_fetch: "keys are fetched when a token first needs them",
      retry_policy: "a fetch is tried again for the next token, a second later at the earliest",
    },
  },
  [`${jwt}.PerRouteConfig`]: { used: "disabled requirement_name" },
  [`${extAuthz}.ExtAuthz`]: {
    used: `grpc_service http_service transport_api_version failure_mode_allow failure_mode_allow_header_add
      with_request_body clear_route_cache status_on_error metadata_context_namespaces
      route_metadata_context_namespaces filter_enabled filter_enabled_metadata deny_at_disable stat_prefix
      allowed_headers disallowed_headers include_tls_session include_peer_certificate enable_dynamic_metadata_ingestion`,
    withoutEffect: {
      validate_mutations: "headers that could not be sent are always refused",
      typed_metadata_context_namespaces: "there is no typed metadata",
      route_typed_metadata_context_namespaces: "there is no typed metadata",
      charge_cluster_response_stats: "statistics of decisions are kept by filter",
    },
  },
  [`${extAuthz}.BufferSettings`]: { used: "max_request_bytes allow_partial_message pack_as_bytes" },
  [`${extAuthz}.HttpService`]: {
    used: "server_uri path_prefix authorization_request authorization_response",
  },
  [`${extAuthz}.AuthorizationRequest`]: { used: "allowed_headers headers_to_add" },
  [`${extAuthz}.AuthorizationResponse`]: {
    used: `allowed_upstream_headers allowed_upstream_headers_to_append allowed_client_headers
      allowed_client_headers_on_success dynamic_metadata_from_headers`,
  },
  [`${extAuthz}.ExtAuthzPerRoute`]: { used: "disabled check_settings" },
  [`${extAuthz}.CheckSettings`]: {
    used: "context_extensions disable_request_body_buffering with_request_body",
  },
  "envoy.extensions.filters.network.ext_authz.v3.ExtAuthz": {
    used: `stat_prefix grpc_service failure_mode_allow transport_api_version filter_enabled_metadata
      include_tls_session include_peer_certificate`,
  },
  "envoy.config.core.v3.GrpcService": { used: "envoy_grpc google_grpc timeout initial_metadata" },
  "envoy.config.core.v3.GrpcService.EnvoyGrpc": {
    used: "cluster_name authority",
    withoutEffect: { skip_envoy_headers: "none are added" },
  },
  "envoy.extensions.filters.network.rbac.v3.RBAC": {
    used: "rules shadow_rules shadow_rules_stat_prefix stat_prefix",
    withoutEffect: {
      enforcement_type:
        "nothing that rules look at changes during a connection: it is judged once, at its start",
    },
  },
};
