import type { VirtualService } from "@weft/istio-api";
import type { Service } from "../service.ts";
import type { Exported, MeshSnapshot } from "../snapshot.ts";
import { isVisibleTo } from "../visibility.ts";
import { destinationHosts } from "./virtual-services.ts";

/** What an egress listener imports. */
interface Imports {
  readonly services: readonly Service[];
  readonly virtualServices: readonly Exported<VirtualService>[];
}

/**
 * The services of a Sidecar's listeners, each host once with the ports of all of them, followed by the services their
 * VirtualServices send traffic to: a route that is imported must find its destination.
 */
export function addDestinations(
  snapshot: MeshSnapshot,
  namespace: string,
  listeners: readonly Imports[],
): readonly Service[] {
  const services = new Map<string, Service>();
  const add = (service: Service) => {
    const existing = services.get(service.hostname);
    if (existing === undefined) services.set(service.hostname, service);
    else if (existing.namespace === service.namespace)
      services.set(service.hostname, mergePorts(existing, service));
  };
  for (const listener of listeners) for (const service of listener.services) add(service);
  for (const { virtualServices } of listeners) {
    for (const { spec } of virtualServices) {
      for (const host of destinationHosts(spec)) {
        const service = services.has(host) ? undefined : findService(snapshot, namespace, host);
        if (service) add(service);
      }
    }
  }
  return Object.freeze([...services.values()]);
}

/** The service of a host a client sees: of its own namespace, else the first in Istio's order. */
function findService(snapshot: MeshSnapshot, namespace: string, host: string): Service | undefined {
  const visible = (snapshot.services.byHostname.get(host) ?? []).filter(({ exportTo }) =>
    isVisibleTo(exportTo, namespace),
  );
  return visible.find((service) => service.namespace === namespace) ?? visible[0];
}

function mergePorts(a: Service, b: Service): Service {
  const added = b.ports.filter((port) => !a.ports.some((other) => other.port === port.port));
  return added.length === 0 ? a : Object.freeze({ ...a, ports: [...a.ports, ...added] });
}
