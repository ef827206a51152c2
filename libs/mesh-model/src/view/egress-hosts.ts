import type { VirtualService } from "@weft/istio-api";
import { type HostIndex, hostCovers, hostsOverlap, indexHosts, mostSpecificHost } from "../hostname.ts";
import { hasGatewaySemantics } from "../istio/route-semantics.ts";
import type { Service } from "../service.ts";
import type { Exported } from "../snapshot.ts";

/** Hosts of an egress listener: host patterns by namespace; `*` stands for every namespace. */
export type EgressHosts = ReadonlyMap<string, HostIndex<string>>;

/** Reads `namespace/host` entries: `.` is the proxy's namespace, `*` any, `~` none (no namespace has that name). */
export function parseEgressHosts(hosts: readonly string[], ownNamespace: string): EgressHosts {
  const byNamespace = new Map<string, Map<string, string>>();
  for (const entry of hosts) {
    const slash = entry.indexOf("/");
    const scope = slash < 0 ? "*" : entry.slice(0, slash);
    const host = entry.slice(slash + 1);
    const namespace = scope === "." ? ownNamespace : scope;
    const patterns = byNamespace.get(namespace) ?? new Map<string, string>();
    byNamespace.set(namespace, patterns.set(host, host));
  }
  return new Map([...byNamespace].map(([namespace, patterns]) => [namespace, indexHosts(patterns)]));
}

/** Whether a host of a namespace is among those that a listener imports. */
export function imports(hosts: EgressHosts, namespace: string, host: string): boolean {
  return [hosts.get(namespace), hosts.get("*")].some(
    (patterns) => patterns !== undefined && mostSpecificHost(host, patterns) !== undefined,
  );
}

/**
 * The services an egress listener imports. With a port, only those that have it, cut down to it. A host that stands in
 * several namespaces is taken from the proxy's own, else from the first in order.
 */
export function selectServices(
  services: readonly Service[],
  hosts: EgressHosts,
  ownNamespace: string,
  port: number | undefined,
): readonly Service[] {
  const imported: Service[] = [];
  const chosen = new Map<string, string>();
  for (const service of services) {
    if (!imports(hosts, service.namespace, service.hostname)) continue;
    const narrowed = port === undefined ? service : withPort(service, port);
    if (narrowed === undefined) continue;
    imported.push(narrowed);
    if (!chosen.has(service.hostname) || service.namespace === ownNamespace)
      chosen.set(service.hostname, service.namespace);
  }
  return imported.filter((service) => chosen.get(service.hostname) === service.namespace);
}

/** The service with only the given port; undefined where it has no such port. */
export function withPort(service: Service, port: number): Service | undefined {
  const ports = service.ports.filter((candidate) => candidate.port === port);
  if (ports.length === 0) return undefined;
  return ports.length === service.ports.length ? service : Object.freeze({ ...service, ports });
}

/**
 * The VirtualServices an egress listener imports: those of which a host has a name in common with what is imported.
 * What stands for a route of the Gateway API must be covered, as services must.
 */
export function selectVirtualServices(
  virtualServices: readonly Exported<VirtualService>[],
  hosts: EgressHosts,
): readonly Exported<VirtualService>[] {
  return virtualServices.filter((config) => {
    const { namespace, spec } = config;
    const matches = hasGatewaySemantics(config) ? hostCovers : hostsOverlap;
    const patterns = [hosts.get(namespace), hosts.get("*")].flatMap((index) => [
      ...(index?.byHost.keys() ?? []),
    ]);
    return spec.hosts?.some((host) => patterns.some((pattern) => matches(pattern, host))) ?? false;
  });
}
