import type { PodBody } from "@weft/istio-api";
import type { MeshObject } from "../object.ts";
import type { Locality } from "../service.ts";

/** What the mesh knows of a pod. Made anew only where one of these fields has changed. */
export interface Workload {
  readonly podName: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: readonly string[];
  readonly serviceAccount: string;
  /** Name of the deployment, job … that made the pod; the pod's own name where nothing did. */
  readonly name: string;
  readonly nodeName: string;
  readonly hostNetwork: boolean;
  readonly locality: Locality;
  readonly containerPorts: readonly {
    readonly name: string;
    readonly port: number;
    readonly protocol: string;
  }[];
}

/** Reads a pod; `nodeLabels` are those of the node it runs on. */
export function toWorkload(pod: MeshObject, nodeLabels: Readonly<Record<string, string>>): Workload {
  // A pod comes from Kubernetes, which has validated it.
  const { spec = {}, status = {} } = pod.body as PodBody;
  const addresses = (status.podIPs ?? []).flatMap(({ ip }) => (ip === undefined ? [] : [ip]));
  if (addresses.length === 0 && status.podIP !== undefined) addresses.push(status.podIP);
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  return {
    podName: pod.metadata.name,
    namespace: pod.metadata.namespace,
    labels: pod.metadata.labels,
    // A pod that has ended keeps its address, which may by then be another's.
    addresses: status.phase === "Succeeded" || status.phase === "Failed" ? [] : addresses,
    serviceAccount: spec.serviceAccountName ?? "",
    name: workloadName(pod),
    nodeName: spec.nodeName ?? "",
    hostNetwork: spec.hostNetwork ?? false,
    locality: localityOf(pod.metadata.labels, nodeLabels),
    containerPorts: containers.flatMap((container) =>
      (container.ports ?? []).map((port) => ({
        name: port.name ?? "",
        port: port.containerPort,
        protocol: port.protocol ?? "TCP",
      })),
    ),
  };
}

/** Name of what a pod belongs to, seen through the ReplicaSet or Job in between. */
export function workloadName(pod: MeshObject): string {
  const { name, ownerReferences = [], labels } = pod.metadata;
  const owner = ownerReferences.find((reference) => reference.controller) ?? ownerReferences[0];
  if (owner === undefined) return name;
  const hash = labels["pod-template-hash"];
  if (owner.kind === "ReplicaSet" && hash !== undefined && owner.name.endsWith(`-${hash}`))
    return owner.name.slice(0, -hash.length - 1);
  if (owner.kind === "ReplicationController" && labels.deploymentconfig !== undefined)
    return labels.deploymentconfig;
  // A CronJob names its Jobs after the minute (or, in old clusters, the second) they are due.
  const cron = owner.kind === "Job" ? /^(.+)-\d{8,10}$/.exec(owner.name) : null;
  return cron?.[1] ?? owner.name;
}

function localityOf(
  podLabels: Readonly<Record<string, string>>,
  nodeLabels: Readonly<Record<string, string>>,
): Locality {
  // A label value cannot hold a slash, so Istio takes a dot as the separator there.
  const override = podLabels["istio-locality"];
  if (override !== undefined && override !== "") {
    const [region = "", zone = "", subzone = ""] = override.split(override.includes("/") ? "/" : ".");
    return { region, zone, subzone };
  }
  return {
    region:
      nodeLabels["topology.kubernetes.io/region"] ??
      nodeLabels["failure-domain.beta.kubernetes.io/region"] ??
      "",
    zone:
      nodeLabels["topology.kubernetes.io/zone"] ?? nodeLabels["failure-domain.beta.kubernetes.io/zone"] ?? "",
    subzone: nodeLabels["topology.istio.io/subzone"] ?? "",
  };
}
