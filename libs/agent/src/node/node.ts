/** The proxy's node as it goes into the bootstrap; https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/base.proto#config-core-v3-node */
export interface BootstrapNode {
  /** `sidecar~IP~POD.NAMESPACE~NAMESPACE.svc.DOMAIN` */
  readonly id: string;
  readonly cluster: string;
  readonly locality: { readonly region?: string; readonly zone?: string; readonly sub_zone?: string };
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** What {@link buildNode} needs to know. */
export interface NodeOptions {
  readonly role: "sidecar" | "router";
  readonly ip: string;
  readonly podName: string;
  readonly namespace: string;
  /** `NAMESPACE.svc.cluster.local`: what Istio's agent is told by `--domain` */
  readonly dnsDomain: string;
  /** ProxyConfig's; `istio-proxy` stands for none. */
  readonly serviceCluster: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Builds the node: its id as Istio writes it, its cluster from the workload's labels, its locality from `istio-locality`. */
export function buildNode(options: NodeOptions): BootstrapNode {
  const { role, ip, podName, namespace, dnsDomain, metadata } = options;
  const labels = (metadata.LABELS ?? {}) as Readonly<Record<string, unknown>>; // an object, or absent: buildNodeMetadata
  return {
    id: `${role}~${ip}~${podName}.${namespace}~${dnsDomain}`,
    cluster: serviceCluster(options, labels),
    locality: locality(labels),
    metadata,
  };
}

function serviceCluster(options: NodeOptions, labels: Readonly<Record<string, unknown>>): string {
  const { serviceCluster: given, namespace, metadata } = options;
  if (given !== "" && given !== "istio-proxy") return given;
  const name = labels.app ?? metadata.WORKLOAD_NAME ?? "istio-proxy";
  return `${String(name)}.${namespace}`;
}

/** The label `istio-locality` is `region.zone.subzone`, since a label's value cannot hold slashes. */
function locality(labels: Readonly<Record<string, unknown>>): BootstrapNode["locality"] {
  const text = labels["istio-locality"];
  if (typeof text !== "string") return {};
  const [region, zone, subZone] = text.includes("/") ? text.split("/") : text.split(".");
  return {
    ...(region ? { region } : {}),
    ...(zone ? { zone } : {}),
    ...(subZone ? { sub_zone: subZone } : {}),
  };
}
