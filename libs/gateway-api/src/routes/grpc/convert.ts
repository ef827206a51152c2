import type { GRPCRouteSpec, HTTPRoute } from "@weft/istio-api";
import type { Config } from "@weft/mesh-model";
import type { Context } from "../../context.ts";
import type { RuleScope } from "../destinations.ts";
import { sharesOf } from "../http-shares.ts";
import type { Parents } from "../parents.ts";
import { bindRoute } from "../route.ts";
import { joinRules } from "../rules.ts";
import { convertGrpcRule } from "./rule.ts";

function* convertRules({ name, namespace, spec }: Config<GRPCRouteSpec>, scope: RuleScope) {
  for (const [index, rule] of (spec.rules ?? []).entries())
    for (const match of rule.matches?.length ? rule.matches : [undefined])
      yield convertGrpcRule(rule, match, rule.name ?? `${namespace}.${name}.${index}`, scope);
}

/** Converts a GRPCRoute: https://gateway-api.sigs.k8s.io/reference/spec/#grpcroute */
export function convertGrpcRoute(config: Config<GRPCRouteSpec>, parents: Parents, context: Context) {
  const route = bindRoute<HTTPRoute>(config, parents, context, (scope) =>
    joinRules(convertRules(config, scope)),
  );
  return { ...route, shares: sharesOf(config, route.bound) };
}
