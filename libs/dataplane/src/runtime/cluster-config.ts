import type { DnsCache } from "../dns-cache/index.ts";
import type { SecretRef, TlsMaterial } from "../tls/secret.ts";
import type { UpstreamProtocol } from "./cluster.ts";
import type { SocketAddress } from "./connection.ts";
import type { Http2Settings } from "./http2-settings.ts";
import type { UpstreamTransport } from "./transport.ts";

/** Which addresses of a name are wanted. */
export type DnsFamily = "v4" | "v6" | "auto" | "v4-preferred" | "all";

/** How a cluster's hosts are found. */
export type Discovery =
  | { readonly kind: "static"; readonly endpoints: Assignment }
  | { readonly kind: "eds"; readonly serviceName: string; readonly initialFetchTimeoutMs: number }
  | {
      readonly kind: "dns";
      readonly endpoints: Assignment;
      /** `logical`: one host, at the first address of the answer; `strict`: a host for each address. */
      readonly mode: "strict" | "logical";
      readonly refreshMs: number;
      /** Up to so much is added to each refresh, at random. */
      readonly jitterMs: number;
      /** How soon to ask again after a failure: longer each time; absent: as after an answer. */
      readonly failureRefresh?: { readonly baseMs: number; readonly maxMs: number };
      /** `auto`: IPv6 where there is any, else IPv4. */
      readonly family: DnsFamily;
    }
  /** Hosts are named by requests, and looked up by filters. */
  | { readonly kind: "dynamic"; readonly cache: DnsCache; readonly defaultPort: number }
  | {
      readonly kind: "original-dst";
      /** Hosts unused for this long are forgotten. */
      readonly cleanupMs: number;
      readonly portOverride?: number;
    };

/** Health as EDS says it; what is not said is healthy. */
export type EdsHealth = "healthy" | "degraded" | "unhealthy" | "draining";

/** One endpoint of an assignment. For DNS clusters `address` is the name to resolve. */
export interface Endpoint extends SocketAddress {
  readonly hostname: string;
  /** At least 1. */
  readonly weight: number;
  readonly health: EdsHealth;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Where endpoints stand. */
export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
}

/** The endpoints of one locality at one priority (0 is used first). */
export interface LocalityEndpoints {
  readonly locality: Locality;
  readonly priority: number;
  /** 0: not chosen where locality weights are in use. */
  readonly weight: number;
  readonly endpoints: readonly Endpoint[];
}

/** A compiled ClusterLoadAssignment. */
export interface Assignment {
  readonly localities: readonly LocalityEndpoints[];
  /** How many percent of a priority's hosts must be healthy for it to count as wholly healthy, inverse; 140 unless told. */
  readonly overprovisioningPercent: number;
}

/** The load balancer of a cluster. */
export type LoadBalancerConfig =
  | { readonly kind: "round-robin"; readonly slowStart?: SlowStartConfig }
  | { readonly kind: "random" }
  | {
      readonly kind: "least-request";
      readonly choices: number;
      /** Where weights differ: by how much open requests count; 1 unless told. */
      readonly activeRequestBias: number;
      readonly slowStart?: SlowStartConfig;
    }
  | {
      readonly kind: "ring-hash";
      readonly minimumRingSize: number;
      readonly maximumRingSize: number;
      /** Places hosts by their names in place of their addresses. */
      readonly byHostname: boolean;
    }
  | { readonly kind: "maglev"; readonly tableSize: number; readonly byHostname: boolean }
  /** Hosts are made as requests name them. */
  | { readonly kind: "on-demand" };

/** New hosts get their share little by little. */
export interface SlowStartConfig {
  readonly windowMs: number;
  /** 1: evenly; above: faster at first. */
  readonly aggression: number;
  readonly minWeightPercent: number;
}

/** Hosts are chosen among those whose metadata fit. */
export interface SubsetConfig {
  readonly selectors: readonly {
    readonly keys: readonly string[];
    /** Where no host fits; absent: the cluster's. `keys`: looks again with these alone. */
    readonly fallback?: SubsetFallback | { readonly keys: readonly string[] };
  }[];
  readonly fallback: SubsetFallback;
  readonly defaultSubset: Readonly<Record<string, unknown>>;
  /** A host whose value is a list fits where one of it does. */
  readonly listAsAny: boolean;
  /** Takes any host where the fallback has none either. */
  readonly panicModeAny: boolean;
}

/** What is taken where no host fits: none, any, or those of the default subset. */
export type SubsetFallback = "none" | "any" | "default";

/** Limits on what a cluster may hold at once. */
export interface CircuitBreakerLimits {
  readonly connection: number;
  readonly pending: number;
  readonly request: number;
  readonly retry: number;
  /** Replaces `retry` by a share of the open requests. */
  readonly retryBudget?: { readonly percent: number; readonly minimum: number };
}

/** When a host is taken out for a while. Counts of 0 and enforcing shares of 0 switch a check off. */
export interface OutlierDetectionConfig {
  readonly consecutive5xx: number;
  readonly enforcing5xx: number;
  readonly consecutiveGatewayFailure: number;
  readonly enforcingGatewayFailure: number;
  readonly consecutiveLocalOriginFailure: number;
  readonly enforcingLocalOriginFailure: number;
  /** Counts failures to connect apart from answers. */
  readonly splitLocalOrigin: boolean;
  readonly intervalMs: number;
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  readonly maxEjectionPercent: number;
  /** Up to so much is added to each ejection, at random. */
  readonly maxEjectionJitterMs: number;
  readonly successRate: SuccessRateConfig;
  readonly failurePercentage: FailurePercentageConfig;
  /** One host may be ejected whatever the percentage. */
  readonly alwaysEjectOneHost: boolean;
}

/** Ejects hosts that succeed much less often than the average of all. */
export interface SuccessRateConfig {
  /** Hosts with enough requests that are needed to judge. */
  readonly minimumHosts: number;
  /** Requests of a host in an interval to count. */
  readonly requestVolume: number;
  /** Standard deviations below the average, in thousandths. */
  readonly stdevFactor: number;
  readonly enforcing: number;
  readonly enforcingLocalOrigin: number;
}

/** Ejects hosts that fail too often. */
export interface FailurePercentageConfig {
  readonly threshold: number;
  readonly minimumHosts: number;
  readonly requestVolume: number;
  readonly enforcing: number;
  readonly enforcingLocalOrigin: number;
}

/** A compiled Cluster. Plain data but for the transport. */
export interface ClusterConfig {
  readonly name: string;
  readonly observabilityName: string;
  /** By filter name. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Content hash of the message: equal config is no change. */
  readonly version: string;
  readonly discovery: Discovery;
  readonly loadBalancer: LoadBalancerConfig;
  readonly localityWeighted: boolean;
  readonly subsets?: SubsetConfig;
  /** Below this share of healthy hosts, percent, all hosts are used; 0 never. */
  readonly panicThreshold: number;
  /** In panic, picks nothing instead of from all hosts. */
  readonly failTrafficOnPanic: boolean;
  readonly connectTimeoutMs: number;
  readonly protocol: UpstreamProtocol;
  readonly http2: Http2Settings;
  readonly maxRequestsPerConnection: number;
  readonly idleTimeoutMs: number;
  readonly limits: CircuitBreakerLimits;
  readonly outlierDetection?: OutlierDetectionConfig;
  readonly transport: UpstreamTransport;
  /** Secrets that its transports need; it is warm when they are there. */
  readonly secrets: readonly SecretRef[];
  /** What its handshakes use at present, for dumps; each throws where a secret is missing. */
  readonly tlsMaterials: readonly (() => TlsMaterial)[];
  readonly bindAddress?: string;
}
