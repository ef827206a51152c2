/** What stands where nothing is known, as in Istio. */
export const unknown = "unknown";

/** Labels in the order they are written. https://istio.io/latest/docs/reference/config/metrics/#labels */
export type Labels = Readonly<Record<string, string>>;

/** A workload as labels tell of it. */
export interface WorkloadLabels {
  readonly workload: string;
  readonly namespace: string;
  readonly app: string;
  readonly version: string;
  readonly canonicalService: string;
  readonly canonicalRevision: string;
  readonly cluster: string;
}

const nobody: WorkloadLabels = {
  workload: unknown,
  namespace: unknown,
  app: unknown,
  version: unknown,
  canonicalService: unknown,
  canonicalRevision: unknown,
  cluster: unknown,
};

const text = (value: unknown): string => (typeof value === "string" && value !== "" ? value : unknown);

/** The proxy's own workload, from the metadata of its node. */
export function localWorkload(metadata: Readonly<Record<string, unknown>>): WorkloadLabels {
  const given = metadata.LABELS;
  const labels = given !== null && typeof given === "object" ? (given as Record<string, unknown>) : {};
  const first = (...names: readonly string[]) =>
    names.map((name) => text(labels[name])).find((value) => value !== unknown);
  const workload = text(metadata.WORKLOAD_NAME);
  return {
    workload,
    namespace: text(metadata.NAMESPACE),
    app: text(labels.app),
    version: text(labels.version),
    canonicalService: first("service.istio.io/canonical-name", "app.kubernetes.io/name", "app") ?? workload,
    canonicalRevision:
      first("service.istio.io/canonical-revision", "app.kubernetes.io/version", "version") ?? "latest",
    cluster: text(metadata.CLUSTER_ID),
  };
}

/** The namespace in a SPIFFE identity of Istio: `spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT`. */
function namespaceOf(principal: string): string {
  return text(/^spiffe:\/\/[^/]+\/ns\/([^/]+)\//.exec(principal)?.[1]);
}

/** A peer of which nothing but its certificate is known. */
export function workloadOfPrincipal(principal: string): WorkloadLabels {
  const namespace = namespaceOf(principal);
  return namespace === unknown ? nobody : { ...nobody, namespace };
}

/**
 * An upstream peer, by the `istio.workload` of its endpoint: `WORKLOAD;NAMESPACE;CANONICAL-NAME;CANONICAL-REVISION;CLUSTER`;
 * what is not told there comes from its certificate.
 */
export function workloadOfEndpoint(
  metadata: Readonly<Record<string, unknown>> | undefined,
  principal: string,
): WorkloadLabels {
  const istio = metadata?.istio as { readonly workload?: unknown } | undefined; // read with care below
  const told = typeof istio?.workload === "string" ? istio.workload.split(";") : [];
  if (told.length < 5) return workloadOfPrincipal(principal);
  const [workload, namespace, canonicalService, canonicalRevision, cluster] = told;
  return {
    ...nobody,
    workload: text(workload),
    namespace: namespace === "" ? namespaceOf(principal) : text(namespace),
    canonicalService: text(canonicalService),
    canonicalRevision: text(canonicalRevision),
    cluster: text(cluster),
  };
}

/** The service that a cluster stands for; parts are empty where its metadata do not say. */
export interface ServiceLabels {
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
}

/** Clusters that stand for no service, and are named in its place. */
const clustersWithoutService = new Set([
  "BlackHoleCluster",
  "PassthroughCluster",
  "InboundPassthroughCluster",
  "InboundPassthroughClusterIpv4",
  "InboundPassthroughClusterIpv6",
]);

/** The first of a cluster's `istio.services`, with which the control plane says what it is for. */
export function serviceOfCluster(
  name: string,
  metadata: Readonly<Record<string, unknown>> | undefined,
): ServiceLabels {
  if (clustersWithoutService.has(name)) return { host: "", name, namespace: "" };
  const istio = metadata?.istio as { readonly services?: unknown } | undefined; // read with care below
  const [first] = Array.isArray(istio?.services) ? istio.services : [];
  const part = (key: string): string => {
    const value: unknown = first?.[key];
    return typeof value === "string" ? value : "";
  };
  return { host: part("host"), name: part("name"), namespace: part("namespace") };
}

/** Labels of one end of a connection. */
export function endLabels(
  end: "source" | "destination",
  workload: WorkloadLabels,
  principal: string,
): Labels {
  return {
    [`${end}_workload`]: workload.workload,
    [`${end}_workload_namespace`]: workload.namespace,
    [`${end}_principal`]: principal === "" ? unknown : principal,
    [`${end}_app`]: workload.app,
    [`${end}_version`]: workload.version,
    [`${end}_canonical_service`]: workload.canonicalService,
    [`${end}_canonical_revision`]: workload.canonicalRevision,
    [`${end}_cluster`]: workload.cluster,
  };
}

const escaped = (value: string) =>
  /[\\"\n]/.test(value)
    ? value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
    : value;

/** As they stand between the braces of a series. https://prometheus.io/docs/instrumenting/exposition_formats/ */
export function formatLabels(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name.replaceAll(/[^a-zA-Z0-9_]/g, "_")}="${escaped(value)}"`)
    .join(",");
}
