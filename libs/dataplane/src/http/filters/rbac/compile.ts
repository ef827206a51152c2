import type { Message } from "@bufbuild/protobuf";
import type { RBAC, RBACPerRoute } from "@weft/envoy-api/envoy/extensions/filters/http/rbac/v3/rbac_pb.js";
import type { HttpFilterFactory } from "../../../compile/environment.ts";
import type { Problems } from "../../../compile/problems.ts";
import { compileRbacEngine } from "../../../rbac/engine.ts";
import { createVerdictCounter } from "../../../rbac/stats.ts";
import { createRbacFilter, type RbacRules } from "./filter.ts";

/** `envoy.filters.http.rbac`; a route's rules replace the filter's, and are counted with them. */
export const rbac: HttpFilterFactory = {
  name: "envoy.filters.http.rbac",
  configTypes: ["envoy.extensions.filters.http.rbac.v3.RBAC"],
  routeConfigTypes: ["envoy.extensions.filters.http.rbac.v3.RBACPerRoute"],
  compile: (message, { name, path, problems, stats }) => {
    const config = message as RBAC; // the registry goes by its type name
    const { rulesStatPrefix, shadowRulesStatPrefix, trackPerRuleStats } = config;
    const scope = stats.scope("rbac");
    return createRbacFilter(name, compileRules(config, path, problems), {
      count: createVerdictCounter({ scope, prefix: rulesStatPrefix, perPolicy: trackPerRuleStats }),
      countShadow: createVerdictCounter({
        scope,
        prefix: shadowRulesStatPrefix,
        shadow: true,
        perPolicy: trackPerRuleStats,
      }),
    });
  },
  compileRoute: (message: Message, path: string, problems: Problems): RbacRules => {
    const { rbac: config } = message as RBACPerRoute; // as above
    return config === undefined
      ? { engine: undefined, shadow: undefined, prefix: "", shadowPrefix: "" }
      : compileRules(config, `${path}.rbac`, problems);
  },
};

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/http/rbac/v3/rbac.proto */
function compileRules(config: RBAC, path: string, problems: Problems): RbacRules {
  return {
    engine: compileRbacEngine(config.rules, `${path}.rules`, problems),
    shadow: compileRbacEngine(config.shadowRules, `${path}.shadow_rules`, problems),
    prefix: config.rulesStatPrefix,
    shadowPrefix: config.shadowRulesStatPrefix,
  };
}
