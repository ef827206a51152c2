import * as env from "./env.ts";
import {
  agentArgs,
  canonicalLabels,
  commonAnnotations,
  dnsConfig,
  excludedInboundPorts,
  imageOf,
  imagePullSecrets,
  metadataOf,
  pullPolicy,
  readinessProbe,
  resourcesOf,
  type VolumeOptions,
  volumeMounts,
  volumes,
} from "./parts.ts";
import type { Container, Json, Pod, TemplateContext } from "./types.ts";

const volumeOptions: VolumeOptions = {
  proxyFolder: "istio-envoy",
  credentials: true,
  crl: true,
  sockets: null,
};

/** The sidecar of a workload: `istio-init` and `istio-proxy`, which is an init container that goes on, or one beside the others. */
export function sidecarTemplate(context: TemplateContext): Pod {
  const { native, interceptionMode, labels, proxyConfig } = context;
  const proxy = proxyContainer(context);
  const init = interceptionMode === "NONE" ? [] : [initContainer(context)];
  const hbone = (proxyConfig.proxyMetadata as Json | undefined)?.ISTIO_META_ENABLE_HBONE === "true";
  return {
    metadata: metadataOf(
      {
        "security.istio.io/tlsMode": labels["security.istio.io/tlsMode"] || "istio",
        ...(hbone ? { "networking.istio.io/tunnel": labels["networking.istio.io/tunnel"] || "http" } : {}),
        ...canonicalLabels(context),
      },
      { ...commonAnnotations(context), ...cniAnnotations(context) },
    ),
    spec: {
      initContainers: native ? [...init, { ...proxy, restartPolicy: "Always" }] : init,
      ...(native ? {} : { containers: [proxy] }),
      volumes: volumes(context, volumeOptions),
      ...imagePullSecrets(context),
      ...dnsConfig(context),
    },
  };
}

/** An annotation of the traffic that is redirected, else the value of the same meaning. */
function traffic({ annotations }: TemplateContext, name: string, value: string | undefined): string {
  return annotations[`traffic.sidecar.istio.io/${name}`] ?? value ?? "";
}

/** Whether an annotation of traffic is there, or its value says something. */
function saysTraffic({ annotations }: TemplateContext, name: string, value: string | undefined): boolean {
  return annotations[`traffic.sidecar.istio.io/${name}`] !== undefined || Boolean(value);
}

/** What the CNI plugin reads in place of `istio-init`'s arguments. */
function cniAnnotations(context: TemplateContext): Readonly<Record<string, string>> {
  const { values, annotations, interceptionMode } = context;
  const cni = values.pilot?.cni;
  if (!cni?.enabled) return {};
  const { proxy } = values.global;
  const prefix = "traffic.sidecar.istio.io/";
  const present = (name: string, text: string) => (text === "" ? {} : { [name]: text });
  const said = (name: string, value: string | undefined) =>
    saysTraffic(context, name, value) ? { [`${prefix}${name}`]: traffic(context, name, value) } : {};
  const own = (name: string) => present(name, annotations[name] ?? "");
  const networks = "k8s.v1.cni.cncf.io/networks";
  return {
    ...(cni.provider === "multus"
      ? { [networks]: withNetwork(annotations[networks] ?? "", "default/istio-cni") }
      : {}),
    "sidecar.istio.io/interceptionMode": interceptionMode,
    ...present(
      `${prefix}includeOutboundIPRanges`,
      traffic(context, "includeOutboundIPRanges", proxy.includeIPRanges),
    ),
    ...present(
      `${prefix}excludeOutboundIPRanges`,
      traffic(context, "excludeOutboundIPRanges", proxy.excludeIPRanges),
    ),
    ...present(
      `${prefix}includeInboundPorts`,
      traffic(context, "includeInboundPorts", proxy.includeInboundPorts),
    ),
    [`${prefix}excludeInboundPorts`]: excludedInboundPorts(context),
    ...said("includeOutboundPorts", proxy.includeOutboundPorts),
    ...said("excludeOutboundPorts", proxy.excludeOutboundPorts),
    ...own(`${prefix}kubevirtInterfaces`),
    ...own("istio.io/reroute-virtual-interfaces"),
    ...own(`${prefix}excludeInterfaces`),
  };
}

/** Adds a network to Multus' annotation, in whichever of its two forms that is. */
export function withNetwork(existing: string, network: string): string {
  if (existing === "") return network;
  const [namespace, name] = network.includes("/") ? network.split("/") : [undefined, network];
  const text = existing.trim();
  if (text.startsWith("[") && text.endsWith("]")) {
    const added = `{"name": "${name}"${namespace === undefined ? "" : `, "namespace": "${namespace}"`}}`;
    const before = text.slice(0, -1);
    return `${before}${before.trim() === "[" ? "" : ", "}${added}]`;
  }
  return `${existing}, ${network}`;
}

/** Whose traffic is left alone: the user that the pod gives its proxy, else 1337. */
function proxyUser({ pod }: TemplateContext): string {
  const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const own = all.find(({ name }) => name === "istio-proxy")?.securityContext as Json | undefined;
  return String(own?.runAsUser ?? 1337);
}

function initContainer(context: TemplateContext): Container {
  const { values, mesh, annotations, interceptionMode, proxyConfig } = context;
  const { proxy, proxy_init: init, logging, logAsJson, nativeNftables } = values.global;
  const cni = values.pilot?.cni?.enabled ?? false;
  const excluded = excludedInboundPorts(context);
  const virtual =
    annotations["istio.io/reroute-virtual-interfaces"] ??
    annotations["traffic.sidecar.istio.io/kubevirtInterfaces"];
  const metadata = env.metadataEnv(context);
  const optional = (flag: string, name: string, value: string | undefined) =>
    saysTraffic(context, name, value) ? [flag, traffic(context, name, value)] : [];
  return {
    name: cni ? "istio-validation" : "istio-init",
    image: imageOf(context, annotations["sidecar.istio.io/proxyImage"] ?? init?.image ?? proxy.image),
    ...pullPolicy(context),
    args: [
      "istio-iptables",
      ...["-p", String(mesh.proxyListenPort ?? 15001)],
      ...["-z", String(mesh.proxyInboundListenPort ?? 15006)],
      ...["-u", proxyUser(context)],
      ...["-m", interceptionMode],
      ...["-i", traffic(context, "includeOutboundIPRanges", proxy.includeIPRanges)],
      ...["-x", traffic(context, "excludeOutboundIPRanges", proxy.excludeIPRanges)],
      ...["-b", traffic(context, "includeInboundPorts", proxy.includeInboundPorts)],
      ...["-d", ["15090", "15021", ...(excluded === "" ? [] : [excluded])].join(",")],
      ...optional("-q", "includeOutboundPorts", proxy.includeOutboundPorts),
      ...optional("-o", "excludeOutboundPorts", proxy.excludeOutboundPorts),
      ...(virtual === undefined ? [] : ["-k", virtual]),
      ...(annotations["traffic.sidecar.istio.io/excludeInterfaces"] === undefined
        ? []
        : ["-c", annotations["traffic.sidecar.istio.io/excludeInterfaces"]]),
      `--log_output_level=${annotations["sidecar.istio.io/agentLogLevel"] ?? logging?.level ?? "default:info"}`,
      ...(logAsJson ? ["--log_as_json"] : []),
      ...(cni ? ["--run-validation", "--skip-rule-apply"] : []),
      ...(init?.forceApplyIptables ? ["--force-apply"] : []),
      ...(nativeNftables ? ["--native-nftables"] : []),
    ],
    ...((proxyConfig.proxyMetadata ?? undefined) === undefined ? {} : { env: metadata }),
    resources: resourcesOf(context),
    securityContext: {
      allowPrivilegeEscalation: proxy.privileged ?? false,
      privileged: proxy.privileged ?? false,
      capabilities: { ...(cni ? {} : { add: ["NET_ADMIN", "NET_RAW"] }), drop: ["ALL"] },
      ...(cni
        ? { readOnlyRootFilesystem: true, runAsGroup: 1337, runAsUser: 1337, runAsNonRoot: true }
        : { readOnlyRootFilesystem: false, runAsGroup: 0, runAsNonRoot: false, runAsUser: 0 }),
    },
  };
}

function proxyContainer(context: TemplateContext): Container {
  const { annotations, values, mesh, statusPort } = context;
  const { proxy } = values.global;
  const startup = proxy.startupProbe;
  return {
    name: "istio-proxy",
    image: imageOf(context, annotations["sidecar.istio.io/proxyImage"] ?? proxy.image),
    ...pullPolicy(context),
    ports: [{ containerPort: 15090, protocol: "TCP", name: "http-envoy-prom" }],
    args: agentArgs(context, "sidecar"),
    ...lifecycle(context),
    env: [
      ...(mesh.inboundTrafficPolicy?.mode === "LOCALHOST"
        ? [{ name: "REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION", value: "true" }]
        : []),
      ...env.certificateEnv(context),
      ...env.podEnv(),
      env.cpuLimitEnv,
      env.proxyConfigEnv(context),
      env.podPortsEnv(context),
      env.applicationsEnv(context),
      ...env.runtimeLimitsEnv,
      ...env.clusterEnv(context),
      env.interceptionEnv(context),
      ...env.workloadEnv(context),
      ...env.metadataEnv(context),
      ...env.networkEnv(context),
    ],
    ...(statusPort === "0"
      ? {}
      : {
          ...(startup?.enabled
            ? {
                startupProbe: {
                  httpGet: { path: "/healthz/ready", port: 15021 },
                  periodSeconds: 1,
                  timeoutSeconds: 3,
                  failureThreshold: startup.failureThreshold ?? 600,
                },
              }
            : {}),
          readinessProbe: readinessProbe(context, 15021),
        }),
    securityContext: securityContext(context),
    resources: resourcesOf(context),
    volumeMounts: volumeMounts(context, volumeOptions),
  };
}

/** Holds the application until the proxy is ready, or begins to drain as the pod ends. */
function lifecycle(context: TemplateContext): Json {
  const { values, native, statusPort } = context;
  const { proxy } = values.global;
  if (proxy.lifecycle !== undefined) return { lifecycle: proxy.lifecycle };
  if (holdsApplication(context)) {
    return { lifecycle: { postStart: { exec: { command: ["pilot-agent", "wait"] } } } };
  }
  if (!native) return {};
  const command = ["pilot-agent", "request", `--debug-port=${statusPort}`, "POST", "drain"];
  return { lifecycle: { preStop: { exec: { command } } } };
}

/** Whether the application's containers wait for the proxy; a native sidecar is waited for anyhow. */
export function holdsApplication({ values, proxyConfig, native }: TemplateContext): boolean {
  const { holdApplicationUntilProxyStarts: own } = proxyConfig;
  return !native && Boolean(own === undefined ? values.global.proxy.holdApplicationUntilProxyStarts : own);
}

function securityContext(context: TemplateContext): Json {
  const { values, interceptionMode, annotations } = context;
  const { privileged = false, seccompProfile = {} } = values.global.proxy;
  const tproxy = interceptionMode === "TPROXY";
  const binds = annotations["sidecar.istio.io/capNetBindService"] === "true";
  const add = [...(tproxy ? ["NET_ADMIN"] : []), ...(binds ? ["NET_BIND_SERVICE"] : [])];
  return {
    allowPrivilegeEscalation: privileged,
    capabilities: { ...(add.length > 0 ? { add } : {}), drop: ["ALL"] },
    privileged,
    readOnlyRootFilesystem: true,
    runAsGroup: 1337,
    ...(add.length > 0 ? { runAsNonRoot: false, runAsUser: 0 } : { runAsNonRoot: true, runAsUser: 1337 }),
    ...(Object.keys(seccompProfile).length > 0 ? { seccompProfile } : {}),
  };
}
