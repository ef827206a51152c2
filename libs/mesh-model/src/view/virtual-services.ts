import type { VirtualService } from "@weft/istio-api";
import { groupBy } from "../group-by.ts";
import type { Exported, MeshSnapshot } from "../snapshot.ts";
import { isVisibleTo, type Visibility } from "../visibility.ts";

const none: readonly Exported<VirtualService>[] = [];

/**
 * The VirtualServices bound to a gateway (`mesh` for sidecars, else `namespace/name`) that clients in `namespace` may
 * see. Where two claim a host the first wins: those private to the namespace, then those exported to it by name, then
 * the public ones, each in Istio's order.
 */
export function virtualServicesForGateway(
  snapshot: MeshSnapshot,
  namespace: string,
  gateway: string,
): readonly Exported<VirtualService>[] {
  const ofGateway = byGateway(snapshot).get(gateway);
  if (ofGateway === undefined) return none;
  if (ofGateway.every(({ exportTo }) => exportTo.kind === "public")) return ofGateway;
  return snapshot.memo.get(`virtual-services|${gateway}|${namespace}`, () => {
    const visible = ofGateway.filter(({ exportTo }) => isVisibleTo(exportTo, namespace));
    const rank = (config: Exported<VirtualService>) => closeness(config.exportTo, config.namespace);
    return Object.freeze(visible.sort((a, b) => rank(a) - rank(b)));
  });
}

function byGateway(snapshot: MeshSnapshot): ReadonlyMap<string, readonly Exported<VirtualService>[]> {
  return snapshot.memo.get("virtual-services", () => {
    const bound = snapshot.configs.virtualServices.flatMap((config) =>
      [...new Set(config.spec.gateways)].map((gateway) => ({ gateway, config })),
    );
    const groups = groupBy(bound, ({ gateway }) => gateway);
    return new Map([...groups].map(([name, found]) => [name, found.map(({ config }) => config)]));
  });
}

function closeness(visibility: Visibility, ownNamespace: string): number {
  if (visibility.kind !== "namespaces") return 2;
  return visibility.namespaces.every((name) => name === ownNamespace) ? 0 : 1;
}

/** Every host a VirtualService may send traffic to, mirrors included. */
export function destinationHosts(spec: VirtualService): readonly string[] {
  const hosts = new Set<string>();
  for (const route of spec.http ?? []) {
    for (const { destination } of route.route ?? []) hosts.add(destination.host);
    if (route.mirror) hosts.add(route.mirror.host);
    for (const { destination } of route.mirrors ?? []) hosts.add(destination.host);
  }
  for (const route of [...(spec.tls ?? []), ...(spec.tcp ?? [])])
    for (const { destination } of route.route ?? []) hosts.add(destination.host);
  return [...hosts];
}
