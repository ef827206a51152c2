import type { TCPRoute, TCPRouteSpec } from "@weft/istio-api";
import type { Config } from "@weft/mesh-model";
import type { Context } from "../../context.ts";
import { layer4Name } from "../../names.ts";
import type { Parents } from "../parents.ts";
import { bindRoute, matchPort } from "../route.ts";
import { joinRules } from "../rules.ts";
import { toVirtualService } from "../virtual-services.ts";
import { convertTcpRule } from "./rule.ts";

/** Converts a TCPRoute: https://gateway-api.sigs.k8s.io/reference/spec/#tcproute */
export function convertTcpRoute(config: Config<TCPRouteSpec>, parents: Parents, context: Context) {
  const route = bindRoute<TCPRoute>(config, parents, context, (scope) =>
    joinRules((config.spec.rules ?? []).map((rule) => convertTcpRule(rule, scope))),
  );
  const specs = route.bound.flatMap(({ parent, routes }) => {
    const ofMesh = parent.kind === "mesh";
    const tcp = ofMesh ? matchPort(routes, parent.ref.port) : routes;
    if (tcp.length === 0) return [];
    const hosts = ofMesh ? parent.hosts : ["*"];
    return hosts.map((host) => ({ hosts: [host], gateways: [parent.gateway], tcp }));
  });
  const objects = specs.map((spec, i) => toVirtualService(layer4Name(config.name, "tcp", i), [config], spec));
  return { ...route, objects };
}
