import { stableStringify } from "@weft/base";
import { groupBy } from "../group-by.ts";
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
  const namespace = pod?.namespace ?? node.namespace;
  const ofNamespace = snapshot.services.byNamespace.get(namespace) ?? [];
  const ofPod = pod ? selecting(snapshot, namespace, pod.labels).filter(selectsPods) : [];
  // What selects pods is told by the pod, if there is one; only the rest is looked for by address.
  const ofAddress = addressedServices(snapshot, namespace, node).filter(
    (service) => !(pod && selectsPods(service)),
  );
  const found = new Set([...ofPod, ...ofAddress]);
  const inOrder = ofPod.length === found.size ? ofPod : ofNamespace.filter((service) => found.has(service));
  const targets = inOrder.flatMap((service) =>
    pod && selectsPods(service) ? selectedPorts(service, pod) : addressedPorts(snapshot, service, node, pod),
  );
  if (targets.length > 0 || pod) return targets;
  return selecting(snapshot, node.namespace, node.labels).flatMap((service) =>
    service.ports.flatMap((port) => target(service, port, numericTarget(port))),
  );
}

function selectsPods({ selector, registry }: Service): boolean {
  return selector !== undefined && registry === "Kubernetes";
}

/** The services of a namespace with an endpoint at one of the node's addresses. */
function addressedServices(snapshot: MeshSnapshot, namespace: string, node: ProxyNode): readonly Service[] {
  const keys = node.ipAddresses.flatMap((address) => snapshot.servicesByAddress.get(address));
  if (keys.length === 0) return [];
  const byKey = snapshot.memo.get("services-by-key", () => groupBy(snapshot.services.all, serviceKey));
  return keys.flatMap((key) => byKey.get(key) ?? []).filter((service) => service.namespace === namespace);
}

/** The services of a namespace that select labels, in Istio's order; found once for all replicas. */
function selecting(
  snapshot: MeshSnapshot,
  namespace: string,
  labels: Readonly<Record<string, string>>,
): readonly Service[] {
  return snapshot.memo.get(`selecting|${namespace}|${stableStringify(labels)}`, () =>
    (snapshot.services.byNamespace.get(namespace) ?? []).filter(
      ({ selector }) => selector && selects(selector, labels),
    ),
  );
}

function selectedPorts(service: Service, pod: Workload): readonly ServiceTarget[] {
  return service.ports.flatMap((port) => target(service, port, targetPortOf(port, pod)));
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
