import type { FieldSupport } from "./index.ts";

/** Authentication and authorization. Whatever would let more through if it were left out is refused. */
export const securityFields: Readonly<Record<string, FieldSupport>> = {
  "envoy.config.rbac.v3.RBAC": { used: "action policies" },
  "envoy.extensions.filters.http.rbac.v3.RBAC": {
    used: "rules rules_stat_prefix shadow_rules shadow_rules_stat_prefix track_per_rule_stats",
  },
  "envoy.extensions.filters.http.rbac.v3.RBACPerRoute": { used: "rbac" },
  "envoy.extensions.filters.network.rbac.v3.RBAC": {
    used: "rules shadow_rules shadow_rules_stat_prefix stat_prefix",
    withoutEffect: {
      enforcement_type:
        "nothing that rules look at changes during a connection: it is judged once, at its start",
    },
  },
};
