import type { HTTPRoute, HTTPRouteSpec } from "@weft/istio-api";
import type { Config } from "@weft/mesh-model";
import type { Context } from "../../context.ts";
import type { RuleScope } from "../destinations.ts";
import { sharesOf } from "../http-shares.ts";
import type { Parents } from "../parents.ts";
import { bindRoute } from "../route.ts";
import { joinRules } from "../rules.ts";
import { convertHttpRule } from "./rule.ts";

function* convertRules({ name, namespace, spec }: Config<HTTPRouteSpec>, scope: RuleScope) {
  // One route for each match, as the most specific of all are tried first.
  for (const [index, rule] of (spec.rules ?? []).entries())
    for (const match of rule.matches?.length ? rule.matches : [undefined])
      yield convertHttpRule(rule, match, rule.name ?? `${namespace}.${name}.${index}`, scope);
}

/** Converts an HTTPRoute: https://gateway-api.sigs.k8s.io/reference/spec/#httproute */
export function convertHttpRoute(config: Config<HTTPRouteSpec>, parents: Parents, context: Context) {
  const route = bindRoute<HTTPRoute>(config, parents, context, (scope) =>
    joinRules(convertRules(config, scope)),
  );
  return { ...route, shares: sharesOf(config, route.bound) };
}
