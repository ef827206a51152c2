import { gatewayApiGroup, type ParentReference } from "@weft/istio-api";
import type { Config } from "@weft/mesh-model";
import type { Context } from "../context.ts";
import type { RuleScope } from "./destinations.ts";
import { type Parents, type RouteParent, resolveParents } from "./parents.ts";
import type { ConvertedRules } from "./rules.ts";
import { type RouteParentStatus, routeStatus } from "./status.ts";

/** What every kind of route has. */
interface RouteSpec {
  readonly parentRefs?: readonly ParentReference[];
  readonly hostnames?: readonly string[];
}

/** A parent that takes a route, with the routes it takes. */
export interface BoundRoutes<Route> {
  readonly parent: RouteParent;
  readonly routes: readonly Route[];
}

/** A route bound to its parents. */
export interface BoundRoute<Route> {
  readonly bound: readonly BoundRoutes<Route>[];
  readonly status: { readonly parents: readonly RouteParentStatus[] };
}

/**
 * Binds a route to its parents. Its rules are converted at most twice: for gateways, where backends of other
 * namespaces need a ReferenceGrant, and for the mesh.
 */
export function bindRoute<Route>(
  config: Config<RouteSpec>,
  parents: Parents,
  context: Context,
  convert: (scope: RuleScope) => ConvertedRules<Route>,
): BoundRoute<Route> {
  const { kind, namespace, spec } = config;
  const { parentRefs = [], hostnames = [] } = spec;
  const resolved = resolveParents({ kind, namespace, parentRefs, hostnames }, parents, context);
  const from = { group: gatewayApiGroup, kind, namespace };
  const convertFor = (parent: RouteParent["kind"]): ConvertedRules<Route> =>
    resolved.some((one) => one.kind === parent)
      ? convert({ context, from, enforceGrants: parent === "listener" })
      : { routes: [] };
  const converted = { listener: convertFor("listener"), mesh: convertFor("mesh") };
  const failures = { listener: converted.listener.failure, mesh: converted.mesh.failure };
  return {
    bound: resolved
      .filter(({ denied }) => denied === undefined)
      .map((parent) => ({ parent, routes: converted[parent.kind].routes }))
      .sort((a, b) =>
        a.parent.gateway < b.parent.gateway ? -1 : a.parent.gateway > b.parent.gateway ? 1 : 0,
      ),
    status: routeStatus(resolved, failures, namespace),
  };
}

/** Gives routes a match of the port that a parentRef asks for. */
export function matchPort<Match extends object, Route extends { readonly match?: readonly Match[] }>(
  routes: readonly Route[],
  port: number | undefined,
): readonly Route[] {
  if (port === undefined) return routes;
  return routes.map((route) => {
    const matches = route.match && route.match.length > 0 ? route.match : [{}];
    return { ...route, match: matches.map((match) => ({ ...match, port })) };
  });
}
