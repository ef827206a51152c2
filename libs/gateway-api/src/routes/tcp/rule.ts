import type { TCPRoute, TCPRouteSpec } from "@weft/istio-api";
import type { RuleScope } from "../destinations.ts";
import { layer4Destinations } from "../layer4.ts";
import type { ConvertedRule, RejectedRule } from "../rules.ts";

/** Converts a rule of a TCPRoute, which has no matches. */
export function convertTcpRule(
  rule: NonNullable<TCPRouteSpec["rules"]>[number],
  scope: RuleScope,
): ConvertedRule<TCPRoute> | RejectedRule {
  const built = layer4Destinations(rule.backendRefs, scope);
  if ("rejected" in built) return built;
  return { route: { route: built.destinations }, failure: built.failure };
}
