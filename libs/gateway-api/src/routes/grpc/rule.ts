import type { GRPCRouteMatch, GRPCRouteRule, HTTPRoute } from "@weft/istio-api";
import { hasBackends, type RuleScope, resolveBackends } from "../destinations.ts";
import { noBackend, toDestinations } from "../http/rule.ts";
import { type ConvertedRule, joinFailures, type RejectedRule } from "../rules.ts";
import { convertFilters } from "./filters.ts";
import { toGrpcMatch } from "./match.ts";

/** Converts a rule for one of its matches, or for every call where it has none. */
export function convertGrpcRule(
  rule: GRPCRouteRule,
  match: GRPCRouteMatch | undefined,
  name: string,
  scope: RuleScope,
): ConvertedRule<HTTPRoute> | RejectedRule {
  const filters = convertFilters(rule.filters ?? [], scope);
  if ("rejected" in filters) return filters;
  const route: HTTPRoute = { name, ...(match ? { match: [toGrpcMatch(match)] } : {}), ...filters.fields };
  if (!hasBackends(rule.backendRefs)) return { route: { ...route, ...noBackend }, failure: filters.failure };
  const backends = resolveBackends(rule.backendRefs ?? [], scope);
  if ("rejected" in backends) return backends;
  const destinations = toDestinations(backends);
  if ("rejected" in destinations) return destinations;
  return {
    route: { ...route, route: destinations },
    failure: joinFailures(backends.failure, filters.failure),
  };
}
