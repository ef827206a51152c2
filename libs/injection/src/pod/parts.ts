import { jsonAnnotation, list } from "./annotations.ts";
import type { Json, PodMetadata, TemplateContext } from "./types.ts";

/** The image of the agent and the proxy; a name with a slash is taken as it is. */
export function imageOf({ values }: TemplateContext, name: string): string {
  if (name.includes("/")) return name;
  const { hub, tag, variant } = values.global;
  return `${hub}/${name}:${tag}${variant ? `-${variant}` : ""}`;
}

export function pullPolicy({ values }: TemplateContext): Json {
  return values.global.imagePullPolicy ? { imagePullPolicy: values.global.imagePullPolicy } : {};
}

/** Resources of the sidecar's containers: the pod's annotations, else the values. */
export function resourcesOf({ annotations, values }: TemplateContext): Json {
  const named = (cpu: string, memory: string): Json => ({
    ...(annotations[cpu] === undefined ? {} : { cpu: annotations[cpu] }),
    ...(annotations[memory] === undefined ? {} : { memory: annotations[memory] }),
  });
  const requests = named("sidecar.istio.io/proxyCPU", "sidecar.istio.io/proxyMemory");
  const limits = named("sidecar.istio.io/proxyCPULimit", "sidecar.istio.io/proxyMemoryLimit");
  const some = (part: Json) => Object.keys(part).length > 0;
  if (!some(requests) && !some(limits)) return values.global.proxy.resources ?? {};
  return { ...(some(requests) ? { requests } : {}), ...(some(limits) ? { limits } : {}) };
}

/** Ports whose inbound connections are not redirected: the status port, and what is named. */
export function excludedInboundPorts({ statusPort, annotations, values }: TemplateContext): string {
  const named =
    annotations["traffic.sidecar.istio.io/excludeInboundPorts"] ??
    values.global.proxy.excludeInboundPorts ??
    "";
  if (statusPort === "0" || statusPort === "" || list(named).includes(statusPort)) return named;
  return named === "" ? statusPort : `${named},${statusPort}`;
}

/** Longest label that Kubernetes takes. */
const labelLength = 63;

/** Name and revision that telemetry knows the workload by. */
export function canonicalLabels({ labels, workload }: TemplateContext): Readonly<Record<string, string>> {
  const name =
    labels["service.istio.io/canonical-name"] ||
    labels["app.kubernetes.io/name"] ||
    labels.app ||
    workload.name;
  const revision =
    labels["service.istio.io/canonical-revision"] ||
    labels["app.kubernetes.io/version"] ||
    labels.version ||
    "latest";
  return {
    "service.istio.io/canonical-name": name.slice(0, labelLength).replace(/-$/, ""),
    "service.istio.io/canonical-revision": revision,
  };
}

/** Annotations that every template sets. */
export function commonAnnotations({
  revision,
  annotations,
  applications,
}: TemplateContext): Readonly<Record<string, string>> {
  const [first] = applications;
  const name = (key: string) =>
    first === undefined || annotations[key] !== undefined ? {} : { [key]: first };
  return {
    "istio.io/rev": revision || "default",
    ...name("kubectl.kubernetes.io/default-logs-container"),
    ...name("kubectl.kubernetes.io/default-container"),
  };
}

export function metadataOf(
  labels: Readonly<Record<string, string>>,
  annotations: Readonly<Record<string, string>>,
): PodMetadata {
  return { labels, annotations };
}

/** Arguments of the agent beside each other in every template. */
export function agentArgs(
  { values, annotations }: TemplateContext,
  role: "sidecar" | "router",
): readonly string[] {
  const { proxy, logging, sts, logAsJson } = values.global;
  return [
    "proxy",
    role,
    "--domain",
    `$(POD_NAMESPACE).svc.${proxy.clusterDomain ?? "cluster.local"}`,
    `--proxyLogLevel=${annotations["sidecar.istio.io/logLevel"] ?? proxy.logLevel ?? "warning"}`,
    `--proxyComponentLogLevel=${annotations["sidecar.istio.io/componentLogLevel"] ?? proxy.componentLogLevel ?? "misc:error"}`,
    `--log_output_level=${annotations["sidecar.istio.io/agentLogLevel"] ?? logging?.level ?? "default:info"}`,
    ...(sts?.servicePort ? [`--stsPort=${sts.servicePort}`] : []),
    ...(logAsJson ? ["--log_as_json"] : []),
    ...(proxy.outlierLogPath ? [`--outlierLogPath=${proxy.outlierLogPath}`] : []),
  ];
}

/** Seconds and counts of the readiness probe: annotation, else value; zero is left out, as Kubernetes does. */
export function readinessProbe(context: TemplateContext, port: number): Json {
  const { annotations, values } = context;
  const { readinessInitialDelaySeconds, readinessPeriodSeconds, readinessFailureThreshold } =
    values.global.proxy;
  const number = (name: string, fallback: number | undefined, otherwise: number) =>
    Number(annotations[`readiness.status.sidecar.istio.io/${name}`] ?? fallback ?? otherwise);
  const delay = number("initialDelaySeconds", readinessInitialDelaySeconds, 0);
  return {
    httpGet: { path: "/healthz/ready", port },
    ...(delay > 0 ? { initialDelaySeconds: delay } : {}),
    periodSeconds: number("periodSeconds", readinessPeriodSeconds, 15),
    timeoutSeconds: 3,
    failureThreshold: number("failureThreshold", readinessFailureThreshold, 4),
  };
}

const podinfo: Json = {
  name: "istio-podinfo",
  downwardAPI: {
    items: [
      { path: "labels", fieldRef: { fieldPath: "metadata.labels" } },
      { path: "annotations", fieldRef: { fieldPath: "metadata.annotations" } },
    ],
  },
};

/** Mounts of the agent, with the name of the folder that it shares with the proxy. */
export function volumeMounts(context: TemplateContext, options: VolumeOptions): readonly Json[] {
  const { annotations, values } = context;
  const mount = (mountPath: string, name: string): Json => ({ mountPath, name });
  const user = jsonAnnotation(annotations, "sidecar.istio.io/userVolumeMount");
  return [
    mount("/var/run/secrets/workload-spiffe-uds", "workload-socket"),
    ...(options.credentials ? [mount("/var/run/secrets/credential-uds", "credential-socket")] : []),
    mount("/var/run/secrets/workload-spiffe-credentials", "workload-certs"),
    mount("/var/run/secrets/istio", "istiod-ca-cert"),
    ...(options.crl ? [mount("/var/run/secrets/istio/crl", "istio-ca-crl")] : []),
    mount("/var/lib/istio/data", "istio-data"),
    ...(annotations["sidecar.istio.io/bootstrapOverride"] === undefined
      ? []
      : [mount("/etc/istio/custom-bootstrap", "custom-bootstrap-volume")]),
    mount("/etc/istio/proxy", options.proxyFolder),
    mount("/var/run/secrets/tokens", "istio-token"),
    ...(values.global.mountMtlsCerts ? [{ ...mount("/etc/certs/", "istio-certs"), readOnly: true }] : []),
    mount("/etc/istio/pod", "istio-podinfo"),
    ...Object.entries(user).map(([name, more]) => ({ name, ...(more as Json) })),
  ];
}

/** Which volumes a template has. */
export interface VolumeOptions {
  readonly proxyFolder: "istio-envoy" | "istio-xds";
  readonly credentials: boolean;
  readonly crl: boolean;
  /** Of the sockets and certificates: null leaves to Kubernetes what they are, so that a CSI driver's may take their place. */
  readonly sockets: Json | null;
}

export function volumes(context: TemplateContext, options: VolumeOptions): readonly Json[] {
  const { annotations, values, pod } = context;
  const override = annotations["sidecar.istio.io/bootstrapOverride"];
  const account = pod.spec?.serviceAccountName || "default";
  const user = jsonAnnotation(annotations, "sidecar.istio.io/userVolume");
  return [
    ...(override === undefined ? [] : [{ name: "custom-bootstrap-volume", configMap: { name: override } }]),
    { name: "workload-socket", emptyDir: null },
    ...(options.credentials ? [{ name: "credential-socket", emptyDir: options.sockets }] : []),
    { name: "workload-certs", emptyDir: options.sockets },
    { name: options.proxyFolder, emptyDir: { medium: "Memory" } },
    { name: "istio-data", emptyDir: {} },
    podinfo,
    {
      name: "istio-token",
      projected: {
        sources: [
          {
            serviceAccountToken: {
              audience: values.global.sds?.token?.aud ?? "istio-ca",
              expirationSeconds: 43200,
              path: "istio-token",
            },
          },
        ],
      },
    },
    { name: "istiod-ca-cert", configMap: { name: "istio-ca-root-cert" } },
    ...(options.crl ? [{ name: "istio-ca-crl", configMap: { name: "istio-ca-crl", optional: true } }] : []),
    ...(values.global.mountMtlsCerts
      ? [{ name: "istio-certs", secret: { optional: true, secretName: `istio.${account}` } }]
      : []),
    ...Object.entries(user).map(([name, more]) => ({ name, ...(more as Json) })),
  ];
}

export function imagePullSecrets({ values }: TemplateContext): Json {
  const names = values.global.imagePullSecrets ?? [];
  return names.length === 0 ? {} : { imagePullSecrets: names.map((name) => ({ name })) };
}

export function dnsConfig({ values }: TemplateContext): Json {
  const searches = values.global.podDNSSearchNamespaces ?? [];
  return searches.length === 0 ? {} : { dnsConfig: { searches } };
}
