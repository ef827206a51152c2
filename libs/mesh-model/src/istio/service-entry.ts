import type { MeshConfig, ServiceEntry, WorkloadEntry } from "@weft/istio-api";
import type { Config } from "../config.ts";
import { prefersClose } from "../kubernetes/service.ts";
import type { Workload } from "../kubernetes/workload.ts";
import { parseProtocol } from "../protocol.ts";
import type { Endpoint, Locality, Resolution, Service } from "../service.ts";
import { selects } from "../service.ts";
import { withTopologyLabels } from "../topology-labels.ts";
import { parseExportTo } from "../visibility.ts";

const resolutions: Readonly<Record<NonNullable<ServiceEntry["resolution"]>, Resolution>> = {
  NONE: "Passthrough",
  STATIC: "ClientSideLB",
  DNS: "DNSLB",
  DNS_ROUND_ROBIN: "DNSRoundRobinLB",
  DYNAMIC_DNS: "DynamicDNS",
};

/** The services a ServiceEntry declares: one for each host. */
export function servicesOf(entry: Config<ServiceEntry>, mesh: MeshConfig): readonly Service[] {
  const { spec, name, namespace, labels, annotations, createdAt, version } = entry;
  return spec.hosts.map((hostname) => ({
    hostname,
    name,
    namespace,
    ports: (spec.ports ?? []).map((port) => ({
      name: port.name,
      port: port.number,
      protocol: parseProtocol(port.protocol ?? ""),
      ...(port.targetPort === undefined ? {} : { targetPort: port.targetPort }),
    })),
    addresses: spec.addresses ?? [],
    resolution: resolutions[spec.resolution ?? "NONE"],
    meshExternal: (spec.location ?? "MESH_EXTERNAL") === "MESH_EXTERNAL",
    exportTo: parseExportTo(spec.exportTo, namespace, mesh.defaultServiceExportTo),
    labels,
    ...(spec.workloadSelector?.labels ? { selector: spec.workloadSelector.labels } : {}),
    registry: "External" as const,
    createdAt,
    ...(prefersClose(undefined, annotations) ? { trafficDistribution: "PreferClose" as const } : {}),
    ...(spec.subjectAltNames ? { subjectAltNames: spec.subjectAltNames } : {}),
    version,
  }));
}

/** The workloads that a ServiceEntry's selector may choose from, all of its namespace. */
export interface SelectableWorkloads {
  readonly clusterId: string;
  readonly workloadEntries: readonly Config<WorkloadEntry>[];
  readonly pods: readonly Workload[];
}

/** The endpoints of one service of a ServiceEntry. */
export function endpointsOfEntry(
  entry: Config<ServiceEntry>,
  service: Service,
  workloads: SelectableWorkloads,
): readonly Endpoint[] {
  const { spec } = entry;
  const { clusterId } = workloads;
  const selector = spec.workloadSelector?.labels;
  if (selector !== undefined) {
    const entries = workloads.workloadEntries.filter(({ spec: workload }) =>
      selects(selector, workload.labels ?? {}),
    );
    const pods = workloads.pods.filter(({ labels }) => selects(selector, labels));
    return [
      ...entries.flatMap((config) => fromWorkloadEntry(config.spec, config, { entry, clusterId })),
      ...pods.flatMap((pod) => fromPod(pod, { entry, clusterId })),
    ];
  }
  const endpoints = spec.endpoints ?? [];
  if (endpoints.length === 0 && (spec.resolution === "DNS" || spec.resolution === "DNS_ROUND_ROBIN"))
    return fromWorkloadEntry({ address: service.hostname }, undefined, { entry, clusterId });
  return endpoints.flatMap((endpoint) => fromWorkloadEntry(endpoint, undefined, { entry, clusterId }));
}

interface EntryContext {
  readonly entry: Config<ServiceEntry>;
  readonly clusterId: string;
}

function fromWorkloadEntry(
  workload: WorkloadEntry,
  config: Config<WorkloadEntry> | undefined,
  { entry, clusterId }: EntryContext,
): readonly Endpoint[] {
  const locality = parseLocality(workload.locality ?? "");
  const network = workload.network ?? "";
  const own = { ...config?.labels, ...workload.labels };
  const labels = withTopologyLabels(own, { locality, clusterId, network, nodeName: "" });
  const address = workload.address;
  if (address === undefined) return [];
  return (entry.spec.ports ?? []).map((port) => ({
    address,
    port: workload.ports?.[port.name] ?? port.targetPort ?? port.number,
    servicePortName: port.name,
    health: "HEALTHY",
    weight: workload.weight ?? 1,
    locality,
    labels,
    namespace: entry.namespace,
    serviceAccount: workload.serviceAccount ?? "",
    workloadName: config?.name ?? "",
    canonicalName: labels["service.istio.io/canonical-name"] ?? labels.app ?? "",
    canonicalRevision: labels["service.istio.io/canonical-revision"] ?? labels.version ?? "",
    tlsMode: labels["security.istio.io/tlsMode"] === "istio" ? "istio" : "disabled",
    clusterId,
    network,
  }));
}

function fromPod(pod: Workload, { entry, clusterId }: EntryContext): readonly Endpoint[] {
  const address = pod.addresses[0];
  if (address === undefined) return [];
  const network = pod.labels["topology.istio.io/network"] ?? "";
  const { locality, nodeName } = pod;
  const labels = withTopologyLabels(pod.labels, { locality, clusterId, network, nodeName });
  return (entry.spec.ports ?? []).map((port) => ({
    address,
    port: port.targetPort ?? port.number,
    servicePortName: port.name,
    health: "HEALTHY",
    weight: 1,
    locality,
    labels,
    namespace: pod.namespace,
    serviceAccount: pod.serviceAccount,
    workloadName: pod.name,
    canonicalName: labels["service.istio.io/canonical-name"] ?? labels.app ?? "",
    canonicalRevision: labels["service.istio.io/canonical-revision"] ?? labels.version ?? "",
    tlsMode: labels["security.istio.io/tlsMode"] === "istio" ? "istio" : "disabled",
    clusterId,
    network,
    ...(pod.nodeName === "" ? {} : { nodeName: pod.nodeName }),
    podName: pod.podName,
  }));
}

/** Reads `region/zone/subzone`; what is missing is empty. */
export function parseLocality(text: string): Locality {
  const [region = "", zone = "", subzone = ""] = text.split("/");
  return { region, zone, subzone };
}
