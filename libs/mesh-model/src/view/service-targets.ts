import type { Workload } from "../kubernetes/workload.ts";
import type { ProxyNode } from "../proxy-node.ts";
import { type Service, type ServicePort, type ServiceTarget, selects } from "../service.ts";
import { endpointsOf, type MeshSnapshot, serviceKey } from "../snapshot.ts";

/** The pod a proxy stands beside: by name, as several may share an address; else by address. */
export function workloadOf(snapshot: MeshSnapshot, node: ProxyNode): Workload | undefined {
  const { byName, byAddress } = snapshot.workloads;
  const named = byName.get(`${node.namespace}/${node.podName}`);
  if (named) return named;
  const addressed = node.ipAddresses.flatMap((address) => byAddress.get(address) ?? []);
  return addressed.find(({ hostNetwork }) => !hostNetwork);
}

/**
 * The service ports a proxy serves: those of the services that select its pod; without a pod, those with an endpoint
 * at the proxy's address, or else those of its namespace that select the labels it brings. In Istio's order.
 */
export function serviceTargetsOf(
  snapshot: MeshSnapshot,
  node: ProxyNode,
  pod: Workload | undefined,
): readonly ServiceTarget[] {
  const targets: ServiceTarget[] = [];
  const byAddress = servicesByAddress(snapshot);
  const addressed = new Set(node.ipAddresses.flatMap((address) => [...(byAddress.get(address) ?? [])]));
  for (const service of snapshot.services.byNamespace.get(pod?.namespace ?? node.namespace) ?? []) {
    if (pod && service.selector && service.registry === "Kubernetes") {
      if (selects(service.selector, pod.labels)) targets.push(...selectedPorts(service, pod));
    } else if (addressed.has(serviceKey(service))) {
      targets.push(...addressedPorts(snapshot, service, node, pod));
    }
  }
  if (targets.length > 0 || pod) return targets;
  const services = snapshot.services.byNamespace.get(node.namespace) ?? [];
  return services
    .filter(({ selector }) => selector && selects(selector, node.labels))
    .flatMap((service) => service.ports.flatMap((port) => target(service, port, numericTarget(port))));
}

function selectedPorts(service: Service, pod: Workload): readonly ServiceTarget[] {
  return service.ports.flatMap((port) => target(service, port, targetPortOf(port, pod)));
}

/** Kept for as long as the endpoints they are of. */
const byEndpoints = new WeakMap<MeshSnapshot["endpoints"], ReadonlyMap<string, ReadonlySet<string>>>();

/** Keys of the services with an endpoint at an address, by address: looked up by every proxy, made once. */
function servicesByAddress({ endpoints }: MeshSnapshot): ReadonlyMap<string, ReadonlySet<string>> {
  const known = byEndpoints.get(endpoints);
  if (known !== undefined) return known;
  const index = new Map<string, Set<string>>();
  for (const [key, list] of endpoints) {
    for (const { address } of list) {
      const keys = index.get(address);
      if (keys === undefined) index.set(address, new Set([key]));
      else keys.add(key);
    }
  }
  byEndpoints.set(endpoints, index);
  return index;
}

/** Ports with an endpoint of this proxy: at its address and, where the endpoint names a pod, of that pod. */
function addressedPorts(
  snapshot: MeshSnapshot,
  service: Service,
  node: ProxyNode,
  pod: Workload | undefined,
): readonly ServiceTarget[] {
  const podName = pod?.podName ?? node.podName;
  const mine = endpointsOf(snapshot, service).filter(
    (endpoint) =>
      node.ipAddresses.includes(endpoint.address) &&
      (endpoint.podName === undefined || endpoint.podName === podName),
  );
  return service.ports.flatMap((port) => {
    const ports = mine.filter(({ servicePortName }) => servicePortName === port.name).map((e) => e.port);
    return [...new Set(ports)].flatMap((number) => target(service, port, number));
  });
}

function target(
  service: Service,
  port: ServicePort,
  targetPort: number | undefined,
): readonly ServiceTarget[] {
  if (targetPort === undefined || port.protocol === "UDP") return [];
  return [{ service, port, targetPort }];
}

function numericTarget(port: ServicePort): number | undefined {
  if (port.targetPort === undefined) return port.port;
  return typeof port.targetPort === "number" ? port.targetPort : undefined;
}

/** Where the application listens: a named target port is looked up among the pod's containers. */
function targetPortOf(port: ServicePort, pod: Workload): number | undefined {
  if (typeof port.targetPort !== "string") return numericTarget(port);
  const named = pod.containerPorts.find(
    ({ name, protocol }) => name === port.targetPort && protocol === "TCP",
  );
  return named?.port;
}
