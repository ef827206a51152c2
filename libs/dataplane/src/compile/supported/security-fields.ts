import type { FieldSupport } from "./index.ts";

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
  "envoy.extensions.filters.network.rbac.v3.RBAC": {
    used: "rules shadow_rules shadow_rules_stat_prefix stat_prefix",
    withoutEffect: {
      enforcement_type:
        "nothing that rules look at changes during a connection: it is judged once, at its start",
    },
  },
};
