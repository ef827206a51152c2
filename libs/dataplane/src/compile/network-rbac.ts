import type { Permission, Principal, RBAC as Rules } from "@weft/envoy-api/envoy/config/rbac/v3/rbac_pb.js";
import type { RBAC } from "@weft/envoy-api/envoy/extensions/filters/network/rbac/v3/rbac_pb.js";
import { compileRbacEngine } from "../rbac/engine.ts";
import { createVerdictCounter } from "../rbac/stats.ts";
import type { NetworkFilterLayer } from "../runtime/connection.ts";
import type { AccessLogger } from "../runtime/stream-info.ts";
import { createNetworkRbac } from "../tcp/index.ts";
import type { CompileEnvironment } from "./environment.ts";
import type { Problems } from "./problems.ts";

/** Compiles a network RBAC filter whose fields are checked already, for a chain whose logs are then given. */
export function compileNetworkRbac(
  message: RBAC,
  path: string,
  { stats, clock }: CompileEnvironment,
  problems: Problems,
): (accessLogs: readonly AccessLogger[]) => NetworkFilterLayer {
  refuseHeaders(message.rules, `${path}.rules`, problems);
  refuseHeaders(message.shadowRules, `${path}.shadow_rules`, problems);
  const scope = stats.scope(message.statPrefix.replace(/\.$/, "")).scope("rbac");
  const config = {
    engine: compileRbacEngine(message.rules, `${path}.rules`, problems),
    shadow: compileRbacEngine(message.shadowRules, `${path}.shadow_rules`, problems),
    shadowPrefix: message.shadowRulesStatPrefix,
    count: createVerdictCounter({ scope, prefix: "" }),
    countShadow: createVerdictCounter({ scope, prefix: message.shadowRulesStatPrefix, shadow: true }),
    clock,
  };
  return (accessLogs) => createNetworkRbac({ ...config, accessLogs });
}

/** A connection has no headers: as in Envoy, rules about them are refused in place of never matching. */
function refuseHeaders(rules: Rules | undefined, path: string, problems: Problems): void {
  for (const [name, { permissions, principals }] of Object.entries(rules?.policies ?? {})) {
    if (permissions.some(permitsByHeader) || principals.some(identifiesByHeader))
      problems.error(
        `${path}.policies.${name}`,
        "wrong-kind",
        "has a rule about a header, which connections do not have",
      );
  }
}

function permitsByHeader({ rule }: Permission): boolean {
  switch (rule.case) {
    case "andRules":
    case "orRules":
      return rule.value.rules.some(permitsByHeader);
    case "notRule":
      return permitsByHeader(rule.value);
    default:
      return rule.case === "header";
  }
}

function identifiesByHeader({ identifier }: Principal): boolean {
  switch (identifier.case) {
    case "andIds":
    case "orIds":
      return identifier.value.ids.some(identifiesByHeader);
    case "notId":
      return identifiesByHeader(identifier.value);
    default:
      return identifier.case === "header";
  }
}
