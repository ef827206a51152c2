import { otelResourceAttributes } from "./otel.ts";
import type { ContainerPort, Json, TemplateContext } from "./types.ts";

const value = (name: string, text: string): Json => ({ name, value: text });
const field = (name: string, fieldPath: string): Json => ({ name, valueFrom: { fieldRef: { fieldPath } } });
const limit = (name: string, resource: string): Json => ({
  name,
  valueFrom: { resourceFieldRef: { divisor: "1", resource } },
});
/** A variable where there is something to say. */
const present = (name: string, text: string | undefined): readonly Json[] =>
  text ? [value(name, text)] : [];

/** How the agent finds its CA and its control plane. */
export function certificateEnv({ values, revision }: TemplateContext): readonly Json[] {
  const { caAddress, istioNamespace, pilotCertProvider } = values.global;
  const suffix = revision === undefined || revision === "default" || revision === "" ? "" : `-${revision}`;
  return [
    value("PILOT_CERT_PROVIDER", pilotCertProvider ?? "istiod"),
    value("CA_ADDR", caAddress || `istiod${suffix}.${istioNamespace}.svc:15012`),
  ];
}

/** What the pod knows of itself. */
export function podEnv(): readonly Json[] {
  return [
    field("POD_NAME", "metadata.name"),
    field("POD_NAMESPACE", "metadata.namespace"),
    field("INSTANCE_IP", "status.podIP"),
    field("SERVICE_ACCOUNT", "spec.serviceAccountName"),
    field("HOST_IP", "status.hostIP"),
  ];
}

export const cpuLimitEnv: Json = limit("ISTIO_CPU_LIMIT", "limits.cpu");

/** Bounds of the proxy's own runtime, by its resources. */
export const runtimeLimitsEnv: readonly Json[] = [
  limit("GOMEMLIMIT", "limits.memory"),
  limit("GOMAXPROCS", "limits.cpu"),
];

export function proxyConfigEnv({ proxyConfig }: TemplateContext): Json {
  return value("PROXY_CONFIG", `${JSON.stringify(proxyConfig)}\n`);
}

/** The ports that the application's containers name, one a line. */
export function podPortsEnv({ pod }: TemplateContext): Json {
  const ports = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  const lines = ports.map((port) => `    ${JSON.stringify(ordered(port))}`);
  return value("ISTIO_META_POD_PORTS", lines.length === 0 ? "[\n]" : `[\n${lines.join(",\n")}\n]`);
}

/** Fields in the order of Kubernetes' type. */
function ordered({ name, hostPort, containerPort, protocol, hostIP }: ContainerPort): Json {
  const fields = { name, hostPort, containerPort, protocol, hostIP };
  return Object.fromEntries(
    Object.entries(fields).filter(([, field]) => field !== undefined && field !== ""),
  );
}

export function applicationsEnv({ applications }: TemplateContext): Json {
  return applications.length === 0
    ? { name: "ISTIO_META_APP_CONTAINERS" }
    : value("ISTIO_META_APP_CONTAINERS", applications.join(","));
}

export function clusterEnv({ values }: TemplateContext): readonly Json[] {
  return [
    value("ISTIO_META_CLUSTER_ID", values.global.multiCluster?.clusterName || "Kubernetes"),
    field("ISTIO_META_NODE_NAME", "spec.nodeName"),
  ];
}

export function interceptionEnv({ interceptionMode }: TemplateContext): Json {
  return value("ISTIO_META_INTERCEPTION_MODE", interceptionMode);
}

/** Whose pod it is, and in which mesh. */
export function workloadEnv(context: TemplateContext): readonly Json[] {
  const { values, workload, labels, annotations, mesh, pod } = context;
  const { name, namespace, apiVersion, kind } = workload;
  const owner =
    apiVersion && name
      ? `kubernetes://apis/${apiVersion}/namespaces/${namespace || "default"}/${kind.toLowerCase()}s/${name}`
      : undefined;
  const trustDomain = mesh.trustDomain || values.global.trustDomain || "cluster.local";
  return [
    ...present("ISTIO_META_WORKLOAD_NAME", labels["service.istio.io/workload-name"] || name),
    ...present("ISTIO_META_OWNER", owner),
    ...(annotations["sidecar.istio.io/bootstrapOverride"] === undefined
      ? []
      : [value("ISTIO_BOOTSTRAP_OVERRIDE", "/etc/istio/custom-bootstrap/custom_bootstrap.json")]),
    value("ISTIO_META_MESH_ID", values.global.meshID || trustDomain),
    value("TRUST_DOMAIN", trustDomain),
    ...present("OTEL_RESOURCE_ATTRIBUTES", otelResourceAttributes(mesh, pod, namespace || "default")),
  ];
}

/** The network that the pod is in. */
export function networkEnv({ values }: TemplateContext): readonly Json[] {
  return present("ISTIO_META_NETWORK", values.global.network);
}

/** `proxyMetadata` of the proxy's configuration. */
export function metadataEnv({ proxyConfig }: TemplateContext): readonly Json[] {
  const metadata = (proxyConfig.proxyMetadata ?? {}) as Readonly<Record<string, string>>;
  return Object.entries(metadata)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, text]) => value(name, String(text)));
}
