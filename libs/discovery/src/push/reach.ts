import {
  type EgressScope,
  hostCovers,
  type MeshSnapshot,
  type Service,
  type SnapshotChanges,
  serviceKey,
} from "@weft/mesh-model";
import type { ConnectedProxy, ProxyRegistry } from "../proxies.ts";
import { lackEndpoints, type ViewGroup, type ViewGroups } from "./groups.ts";

/** Whom a change reaches. */
export interface Reached {
  /** Groups that lack something now. */
  readonly groups: ReadonlySet<ViewGroup>;
  /** Proxies that may belong to another group now. */
  readonly proxies: ReadonlySet<ConnectedProxy>;
}

/** What a change is laid over. */
export interface ReachInput {
  readonly snapshot: MeshSnapshot;
  readonly changes: SnapshotChanges;
  readonly groups: ViewGroups;
  readonly proxies: ProxyRegistry;
}

/**
 * Finds whom the way to a snapshot reaches, and notes what their groups lack. A service's endpoints reach those whose scope has the
 * service, and the proxies at the addresses that are among them; a route, rule or service those whose scope sees it, who serve
 * it, and all gateways; a pod its proxy; everything else everybody.
 */
export function reach({ snapshot, changes, groups, proxies }: ReachInput): Reached {
  const reached = new Set<ViewGroup>();
  const lackAll = (group: ViewGroup) => {
    group.lacks = "all";
    reached.add(group);
  };
  if (changes.other || namedByProviders(snapshot, changes.services)) {
    groups.dropEmpty();
    for (const group of groups.all) lackAll(group);
    return { groups: reached, proxies: proxies.all };
  }
  const { services, virtualServices, destinationRules } = changes;
  // What a group without members serves is not looked after.
  if (services.length + destinationRules.length > 0) groups.dropEmpty();
  const ofConfig = services.length + virtualServices.length + destinationRules.length > 0;
  for (const group of groups.all) {
    const stays = snapshot.scopes.peek(group.scope.key) === group.scope;
    const serves =
      services.some(({ hostname }) => group.ownHosts.has(hostname)) ||
      destinationRules.some(({ spec }) => [...group.ownHosts].some((host) => hostCovers(spec.host, host)));
    if (!stays || serves || (ofConfig && group.type === "router")) lackAll(group);
    else if (changes.endpoints.size > 0) {
      const inScope = servicesOf(group.scope);
      for (const service of changes.endpoints.keys())
        if (inScope.has(service)) {
          lackEndpoints(group, service);
          reached.add(group);
        }
    }
  }
  return { groups: reached, proxies: whoMayMove(changes, proxies) };
}

/** Proxies whose pod, or the services they serve, may have changed. */
function whoMayMove(changes: SnapshotChanges, proxies: ProxyRegistry): ReadonlySet<ConnectedProxy> {
  const found = new Set<ConnectedProxy>();
  const add = (some: Iterable<ConnectedProxy>) => {
    for (const proxy of some) found.add(proxy);
  };
  const namespaces = new Set(changes.services.map(({ namespace }) => namespace));
  if (namespaces.size > 0)
    for (const proxy of proxies.all)
      if (namespaces.has(proxy.node.namespace) || namespaces.has(proxy.servesIn)) found.add(proxy);
  for (const { podName, namespace, addresses } of changes.workloads) {
    add(proxies.ofPod(namespace, podName));
    for (const address of addresses) add(proxies.at(address));
  }
  for (const { before, now } of changes.endpoints.values())
    for (const { address } of [...before, ...now]) add(proxies.at(address));
  return found;
}

const services = new WeakMap<EgressScope, ReadonlyMap<string, Service>>();

/** The services of a scope by their keys. */
export function servicesOf(scope: EgressScope): ReadonlyMap<string, Service> {
  const known = services.get(scope);
  if (known !== undefined) return known;
  const made = new Map(scope.services.map((service) => [serviceKey(service), service]));
  services.set(scope, made);
  return made;
}

/** Whether a provider of the mesh config is one of these services: whoever uses it depends on it, whatever its scope. */
function namedByProviders({ meshConfig }: MeshSnapshot, changed: readonly Service[]): boolean {
  const { extensionProviders = [] } = meshConfig;
  if (changed.length === 0 || extensionProviders.length === 0) return false;
  const text = JSON.stringify(extensionProviders);
  return changed.some(({ name, hostname }) => text.includes(hostname) || text.includes(name));
}
