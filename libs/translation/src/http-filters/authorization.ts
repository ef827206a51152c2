import { RBACSchema } from "@weft/envoy-api/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import { pack } from "../envoy/any.ts";
import type { AuthorizationChain } from "../ir/index.ts";
import { shadowRulesStatPrefix, toRbac } from "../security/rbac.ts";
import type { EnvoyHttpFilter, HttpFilterRule } from "./http-filter.ts";

/** One RBAC filter for each action that has policies. */
export function authorizationFilters(chain: AuthorizationChain | undefined): EnvoyHttpFilter[] {
  return (chain?.policies ?? []).map((step) => ({
    name: "envoy.filters.http.rbac",
    configType: {
      case: "typedConfig",
      value: pack(RBACSchema, { rules: toRbac(step), shadowRulesStatPrefix }),
    },
  }));
}

/** Who may ask. */
export const authorization: HttpFilterRule = {
  name: "envoy.filters.http.rbac",
  build: (http) => authorizationFilters(http.authorization),
};
