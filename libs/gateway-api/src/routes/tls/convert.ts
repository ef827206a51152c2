import type { TLSRoute, TLSRouteSpec } from "@weft/istio-api";
import { type Config, hostsOverlap } from "@weft/mesh-model";
import type { Context } from "../../context.ts";
import { layer4Name } from "../../names.ts";
import { belongsToListener } from "../../references/hostnames.ts";
import type { Parents } from "../parents.ts";
import { bindRoute, matchPort } from "../route.ts";
import { joinRules } from "../rules.ts";
import { toVirtualService } from "../virtual-services.ts";
import { convertTlsRule } from "./rule.ts";

/** For the mesh, the hosts of the parent stand for hostnames that the route leaves out. */
function matchParent(routes: readonly TLSRoute[], hosts: readonly string[]): readonly TLSRoute[] {
  return routes.map((route) => ({
    ...route,
    match: route.match.map((match) =>
      match.sniHosts.join() === "*" ? { ...match, sniHosts: hosts } : match,
    ),
  }));
}

/** Of several names those that a host covers. */
function matchHost(routes: readonly TLSRoute[], host: string): readonly TLSRoute[] {
  return routes.map((route) => ({
    ...route,
    match: route.match.map((match) =>
      match.sniHosts.length > 1
        ? { ...match, sniHosts: match.sniHosts.filter((name) => hostsOverlap(host, name)) }
        : match,
    ),
  }));
}

/** Converts a TLSRoute: https://gateway-api.sigs.k8s.io/reference/spec/#tlsroute */
export function convertTlsRoute(config: Config<TLSRouteSpec>, parents: Parents, context: Context) {
  const { hostnames = [], rules = [] } = config.spec;
  const route = bindRoute<TLSRoute>(config, parents, context, (scope) =>
    joinRules(rules.map((rule) => convertTlsRule(rule, hostnames, scope))),
  );
  const specs = route.bound.flatMap(({ parent, routes }) => {
    if (routes.length === 0) return [];
    const gateways = [parent.gateway];
    if (parent.kind === "listener") {
      const own = parent.listener.hostname ?? "";
      const hosts = (hostnames.length > 0 ? hostnames : ["*"]).filter((host) =>
        belongsToListener(host, own, parent.rivals),
      );
      return hosts.map((host) => ({ hosts: [host], gateways, tls: routes }));
    }
    const ofParent = matchPort(matchParent(routes, parent.hosts), parent.ref.port);
    return parent.hosts.map((host) => ({ hosts: [host], gateways, tls: matchHost(ofParent, host) }));
  });
  const objects = specs.map((spec, i) => toVirtualService(layer4Name(config.name, "tls", i), [config], spec));
  return { ...route, objects };
}
