/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/** What injection looks at of a container; the other fields go along as they are. */
export interface Container extends Json {
  readonly name: string;
  readonly ports?: readonly ContainerPort[];
  readonly env?: readonly Json[];
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly startupProbe?: Probe;
  readonly lifecycle?: Json;
  readonly restartPolicy?: string;
}

/** A port of a container. */
export interface ContainerPort extends Json {
  readonly name?: string;
  readonly containerPort: number;
  readonly protocol?: string;
}

/** A probe of a container. */
export interface Probe extends Json {
  readonly httpGet?: HttpGet;
  readonly tcpSocket?: Json & { readonly port: number | string };
  readonly grpc?: Json & { readonly port: number };
  readonly timeoutSeconds?: number;
}

/** A probe by HTTP. */
export interface HttpGet extends Json {
  readonly path?: string;
  readonly port: number | string;
  readonly scheme?: string;
}

/** Metadata of a pod. */
export interface PodMetadata extends Json {
  readonly name?: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Spec of a pod. */
export interface PodSpec extends Json {
  readonly containers?: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly Json[];
  readonly imagePullSecrets?: readonly Json[];
  readonly hostNetwork?: boolean;
  readonly serviceAccountName?: string;
}

/** A pod, or the template of one. */
export interface Pod extends Json {
  readonly metadata?: PodMetadata;
  readonly spec?: PodSpec;
}

/** What a pod is of: the Deployment of its ReplicaSet, itself. */
export interface Workload {
  readonly name: string;
  readonly namespace: string;
  readonly apiVersion: string;
  readonly kind: string;
}

/** The values of Istio's Helm chart that injection reads; others are allowed and do nothing. */
export interface InjectionValues extends Json {
  readonly revision?: string;
  readonly global: GlobalValues;
  readonly pilot?: { readonly cni?: { readonly enabled?: boolean; readonly provider?: string } };
  readonly sidecarInjectorWebhook?: { readonly rewriteAppHTTPProbe?: boolean };
}

/** `global` of {@link InjectionValues}. */
export interface GlobalValues extends Json {
  readonly hub: string;
  readonly tag: string;
  readonly variant?: string;
  readonly istioNamespace: string;
  readonly imagePullPolicy?: string;
  readonly imagePullSecrets?: readonly string[];
  readonly logging?: { readonly level?: string };
  readonly logAsJson?: boolean;
  readonly caAddress?: string;
  readonly caName?: string;
  readonly meshID?: string;
  readonly network?: string;
  readonly trustDomain?: string;
  readonly mountMtlsCerts?: boolean;
  readonly nativeNftables?: boolean;
  readonly pilotCertProvider?: string;
  readonly multiCluster?: { readonly clusterName?: string };
  readonly podDNSSearchNamespaces?: readonly string[];
  readonly sds?: { readonly token?: { readonly aud?: string } };
  readonly sts?: { readonly servicePort?: number };
  readonly proxy: ProxyValues;
  readonly proxy_init?: {
    readonly image?: string;
    readonly forceApplyIptables?: boolean;
    readonly resources?: Json;
  };
}

/** `global.proxy` of {@link InjectionValues}. */
export interface ProxyValues extends Json {
  readonly image: string;
  readonly clusterDomain?: string;
  readonly logLevel?: string;
  readonly componentLogLevel?: string;
  readonly outlierLogPath?: string;
  readonly privileged?: boolean;
  readonly statusPort?: number | string;
  readonly includeIPRanges?: string;
  readonly excludeIPRanges?: string;
  readonly includeInboundPorts?: string;
  readonly excludeInboundPorts?: string;
  readonly includeOutboundPorts?: string;
  readonly excludeOutboundPorts?: string;
  readonly holdApplicationUntilProxyStarts?: boolean;
  readonly lifecycle?: Json;
  readonly readinessInitialDelaySeconds?: number;
  readonly readinessPeriodSeconds?: number;
  readonly readinessFailureThreshold?: number;
  readonly startupProbe?: { readonly enabled?: boolean; readonly failureThreshold?: number };
  readonly resources?: Json;
  readonly seccompProfile?: Json;
}

/** What of the mesh's configuration injection reads. */
export interface InjectionMeshConfig extends Json {
  readonly trustDomain?: string;
  readonly proxyListenPort?: number;
  readonly proxyInboundListenPort?: number;
  readonly enablePrometheusMerge?: boolean;
  readonly inboundTrafficPolicy?: { readonly mode?: string };
  readonly defaultConfig?: Json;
}

/** Everything that a pod's injection depends on. */
export interface InjectionInput {
  readonly pod: Pod;
  readonly workload: Workload;
  readonly values: InjectionValues;
  readonly mesh: InjectionMeshConfig;
  /** Revision of the control plane that injects; default: `default`. */
  readonly revision?: string;
  /** The proxy is an init container that goes on, as Kubernetes has them since 1.28, where the pod does not say otherwise. */
  readonly nativeSidecars: boolean;
  /** Further templates by name, beside those that are built in: overlays of a pod. */
  readonly templates?: Readonly<Record<string, Pod>>;
  /** Templates for pods that name none; default: `sidecar`. */
  readonly defaultTemplates?: readonly string[];
}

/** What a template sees. */
export interface TemplateContext extends InjectionInput {
  /** The pod's annotations and labels. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Names of the application's containers. */
  readonly applications: readonly string[];
  /** The mesh's proxy configuration with the pod's own over it; only what differs from Istio's defaults. */
  readonly proxyConfig: Json;
  /** As `nativeSidecars`, with the pod's own word. */
  readonly native: boolean;
  /** REDIRECT, TPROXY or NONE. */
  readonly interceptionMode: string;
  /** Port of the agent's status; 0: none. */
  readonly statusPort: string;
}
