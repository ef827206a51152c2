import type { TLSRoute, TLSRouteSpec } from "@weft/istio-api";
import type { RuleScope } from "../destinations.ts";
import { layer4Destinations } from "../layer4.ts";
import type { ConvertedRule, RejectedRule } from "../rules.ts";
import { toTlsMatch } from "./match.ts";

/** Converts a rule of a TLSRoute for the SNI its hostnames ask for. */
export function convertTlsRule(
  rule: NonNullable<TLSRouteSpec["rules"]>[number],
  hostnames: readonly string[],
  scope: RuleScope,
): ConvertedRule<TLSRoute> | RejectedRule {
  const built = layer4Destinations(rule.backendRefs, scope);
  if ("rejected" in built) return built;
  return { route: { match: [toTlsMatch(hostnames)], route: built.destinations }, failure: built.failure };
}
