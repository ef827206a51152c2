import type { HTTPRoute } from "@weft/istio-api";
import type { Config } from "@weft/mesh-model";
import { belongsToListener } from "../references/hostnames.ts";
import type { RouteParent } from "./parents.ts";
import { type BoundRoutes, matchPort } from "./route.ts";
import type { HttpShare } from "./virtual-services.ts";

type HostedConfig = Config<{ readonly hostnames?: readonly string[] }>;

/** Hosts of a parent that a route may serve. */
function hostsOf(parent: RouteParent, { spec }: HostedConfig): readonly string[] {
  if (parent.kind === "mesh") return parent.hosts;
  const hostnames = spec.hostnames?.length ? spec.hostnames : ["*"];
  const own = parent.listener.hostname ?? "";
  return hostnames.filter((host) => belongsToListener(host, own, parent.rivals));
}

/** What a route has for each host of each of its parents. */
export function sharesOf(
  config: HostedConfig,
  bound: readonly BoundRoutes<HTTPRoute>[],
): readonly HttpShare[] {
  const shares = new Map<string, HttpShare>();
  for (const { parent, routes } of bound) {
    if (routes.length === 0) continue;
    const { port } = parent.ref;
    const ofMesh = parent.kind === "mesh";
    const scope = ofMesh ? `${config.namespace}${port === undefined ? "" : `/${port}`}` : parent.gateway;
    const http = ofMesh ? matchPort(routes, port) : routes;
    for (const host of hostsOf(parent, config)) {
      const key = `${scope}/${host}`;
      // Two parentRefs may lead to one listener.
      if (!shares.has(key)) shares.set(key, { source: config, key, gateway: parent.gateway, host, http });
    }
  }
  return [...shares.values()];
}
