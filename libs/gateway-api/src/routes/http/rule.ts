import type { HTTPRoute, HTTPRouteDestination, HTTPRouteMatch, HTTPRouteRule } from "@weft/istio-api";
import type { Failure } from "../../conditions.ts";
import { type Backends, hasBackends, type RuleScope, resolveBackends } from "../destinations.ts";
import { type HeaderFilter, headerFilterTypes, headersOf } from "../headers.ts";
import { type ConvertedRule, joinFailures, type RejectedRule } from "../rules.ts";
import { convertFilters } from "./filters.ts";
import { toHttpMatch } from "./match.ts";
import { retriesOf } from "./retries.ts";

/** What a rule without a backend answers: https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule */
export const noBackend = { directResponse: { status: 500 } } as const satisfies HTTPRoute;

/** The destinations of a rule with the filters that each backend has for itself. */
export function toDestinations(
  backends: Backends<{ readonly filters?: readonly HeaderFilter[] }>,
): readonly HTTPRouteDestination[] | { readonly rejected: Failure } {
  const filters = backends.all.flatMap(({ ref }) => ref.filters ?? []);
  const unknown = filters.find(({ type }) => !headerFilterTypes.includes(type));
  if (unknown) {
    const message = `unsupported filter type "${unknown.type}" of a backend; supported are ${headerFilterTypes.join(", ")}`;
    return { rejected: { reason: "InvalidFilter", message } };
  }
  return backends.all.map(({ ref, destination, weight }) => {
    const headers = headersOf(ref.filters ?? []);
    return {
      destination,
      ...(weight === undefined ? {} : { weight }),
      ...(headers ? { headers } : {}),
    };
  });
}

/** Converts a rule for one of its matches, or for every request where it has none. */
export function convertHttpRule(
  rule: HTTPRouteRule,
  match: HTTPRouteMatch | undefined,
  name: string,
  scope: RuleScope,
): ConvertedRule<HTTPRoute> | RejectedRule {
  const filters = convertFilters(rule.filters ?? [], scope);
  if ("rejected" in filters) return filters;
  const route: HTTPRoute = {
    name,
    ...(match ? { match: [toHttpMatch(match)] } : {}),
    ...filters.fields,
    ...retriesOf(rule),
  };
  if (route.redirect) return { route, failure: filters.failure };
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
