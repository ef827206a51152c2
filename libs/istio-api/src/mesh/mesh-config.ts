import type { ConnectionPoolSettings, LocalityLoadBalancerSetting } from "../networking/traffic-policy.ts";
import type { HTTPRetry } from "../networking/virtual-service.ts";

/**
 * Mesh-wide settings (istio.mesh.v1alpha1.MeshConfig), as far as Weft reads them, with every default filled in.
 * Durations are milliseconds.
 * https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/
 */
export interface MeshConfig {
  readonly trustDomain: string;
  readonly trustDomainAliases: readonly string[];
  /** Where configuration that applies to the whole mesh lives. */
  readonly rootNamespace: string;
  /** Suffix of Kubernetes service host names (a flag of pilot-discovery in Istio). */
  readonly domainSuffix: string;
  readonly connectTimeoutMs: number;
  /** How long a proxy waits for the first bytes to tell a protocol; 0: for ever. */
  readonly protocolDetectionTimeoutMs: number;
  readonly dnsRefreshRateMs: number;
  readonly enableAutoMtls: boolean;
  /** What becomes of traffic to unknown hosts; with `ALLOW_ANY_DYNAMIC_DNS` proxies look up the hosts of requests. */
  readonly outboundTrafficPolicy: "ALLOW_ANY" | "REGISTRY_ONLY" | "ALLOW_ANY_DYNAMIC_DNS";
  readonly inboundTrafficPolicy: "PASSTHROUGH" | "LOCALHOST";
  readonly proxyListenPort: number;
  readonly proxyInboundListenPort: number;
  readonly proxyHttpPort: number;
  readonly accessLogFile: string;
  readonly accessLogFormat: string;
  readonly accessLogEncoding: "TEXT" | "JSON";
  readonly defaultServiceExportTo: readonly string[];
  readonly defaultVirtualServiceExportTo: readonly string[];
  readonly defaultDestinationRuleExportTo: readonly string[];
  readonly h2UpgradePolicy: "DO_NOT_UPGRADE" | "UPGRADE";
  readonly localityLbSetting?: LocalityLoadBalancerSetting;
  /** Retries where no route says otherwise. */
  readonly defaultHttpRetryPolicy?: HTTPRetry;
  /** Retries of what proxies pass on to their own application; where absent, of requests that it cannot have seen. */
  readonly defaultInboundHttpRetryPolicy?: HTTPRetry;
  readonly ingressClass: string;
  readonly ingressControllerMode: "UNSPECIFIED" | "OFF" | "DEFAULT" | "STRICT";
  readonly ingressService: string;
  readonly ingressSelector: string;
  readonly pathNormalization: "DEFAULT" | "NONE" | "BASE" | "MERGE_SLASHES" | "DECODE_AND_MERGE_SLASHES";
  readonly enableTracing: boolean;
  readonly enablePrometheusMerge: boolean;
  /** Extension providers and the default proxy configuration, as written. */
  readonly extensionProviders: readonly Readonly<Record<string, unknown>>[];
  /** Names of the providers where Telemetry resources name none. */
  readonly defaultProviders: {
    readonly accessLogging?: readonly string[];
    readonly metrics?: readonly string[];
    readonly tracing?: readonly string[];
  };
  /** Probes of idle connections where no rule says otherwise. */
  readonly tcpKeepalive?: NonNullable<ConnectionPoolSettings["tcp"]>["tcpKeepalive"];
  readonly defaultConfig: ProxyConfig;
}

/** What each proxy starts with (istio.mesh.v1alpha1.ProxyConfig), defaults filled in. Durations are milliseconds. */
export interface ProxyConfig {
  readonly discoveryAddress: string;
  readonly proxyAdminPort: number;
  readonly statusPort: number;
  readonly concurrency?: number;
  readonly drainDurationMs: number;
  readonly terminationDrainDurationMs: number;
  readonly configPath: string;
  readonly binaryPath: string;
  readonly holdApplicationUntilProxyStarts: boolean;
  readonly proxyMetadata: Readonly<Record<string, string>>;
}

/** MeshConfig where nobody has said anything: the defaults of Istio 1.29. */
export const defaultMeshConfig: MeshConfig = {
  trustDomain: "cluster.local",
  trustDomainAliases: [],
  rootNamespace: "istio-system",
  domainSuffix: "cluster.local",
  connectTimeoutMs: 10_000,
  protocolDetectionTimeoutMs: 0,
  dnsRefreshRateMs: 60_000,
  enableAutoMtls: true,
  outboundTrafficPolicy: "ALLOW_ANY",
  inboundTrafficPolicy: "PASSTHROUGH",
  proxyListenPort: 15001,
  proxyInboundListenPort: 15006,
  proxyHttpPort: 0,
  accessLogFile: "",
  accessLogFormat: "",
  accessLogEncoding: "TEXT",
  defaultServiceExportTo: ["*"],
  defaultVirtualServiceExportTo: ["*"],
  defaultDestinationRuleExportTo: ["*"],
  h2UpgradePolicy: "DO_NOT_UPGRADE",
  ingressClass: "istio",
  ingressControllerMode: "STRICT",
  ingressService: "istio-ingressgateway",
  ingressSelector: "ingressgateway",
  pathNormalization: "BASE",
  enableTracing: false,
  enablePrometheusMerge: true,
  extensionProviders: [],
  defaultProviders: {},
  defaultConfig: {
    discoveryAddress: "istiod.istio-system.svc:15012",
    proxyAdminPort: 15000,
    statusPort: 15020,
    drainDurationMs: 45_000,
    terminationDrainDurationMs: 5_000,
    configPath: "./etc/istio/proxy",
    binaryPath: "/usr/local/bin/envoy",
    holdApplicationUntilProxyStarts: false,
    proxyMetadata: {},
  },
};
