import { RBACSchema } from "@weft/envoy-api/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import { pack } from "../envoy/any.ts";
import { shadowRulesStatPrefix, toRbac } from "../security/rbac.ts";
import type { HttpFilterRule } from "./http-filter.ts";

/** One RBAC filter for each action that has policies. */
export const authorization: HttpFilterRule = {
  name: "envoy.filters.http.rbac",
  build: (http) =>
    (http.authorization?.policies ?? []).map((step) => ({
      name: "envoy.filters.http.rbac",
      configType: {
        case: "typedConfig",
        value: pack(RBACSchema, { rules: toRbac(step), shadowRulesStatPrefix }),
      },
    })),
};
