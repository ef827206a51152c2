import type { ObjectRef } from "@weft/base";
import type { UpstreamTls } from "./tls.ts";

/** One upstream a proxy can send to: a service port, one subset of it, or one of the fixed ones. */
export interface Backend {
  /** `outbound|9080|v1|HOST`, `inbound|9080||`, `PassthroughCluster`, … */
  readonly name: string;
  readonly discovery: Discovery;
  readonly connectTimeoutMs: number;
  /** Circuit-breaker thresholds; absent for backends that carry no traffic. */
  readonly limits?: Limits;
  readonly loadBalancing: LoadBalancing;
  readonly outlierDetection?: OutlierDetection;
  readonly http?: UpstreamHttp;
  readonly tcpKeepalive?: TcpKeepalive;
  /** Connections begin with a PROXY protocol header of this version. */
  readonly proxyProtocol?: 1 | 2;
  /** Localities are chosen by their weights before endpoints are chosen in them. */
  readonly localityWeighted?: boolean;
  /** The nearest zone takes what it can, others the rest, where at least so many endpoints are there. */
  readonly zoneAware?: { readonly minClusterSize?: number };
  /** How connections are secured; plain text where absent. */
  readonly tls?: UpstreamTls;
  /** Local address connections are made from. */
  readonly sourceAddress?: string;
  /** The services behind it, for telemetry. */
  readonly services: readonly BackendService[];
  readonly subset?: string;
  /** True for services outside the mesh. */
  readonly external: boolean;
  /** True for backends that are reached through a plain TCP or HTTP hop that exchanges peer metadata. */
  readonly exchangesMetadata: boolean;
  /** The configuration object its traffic policy comes from. */
  readonly config?: ObjectRef;
  readonly origin: readonly ObjectRef[];
}

/** A service as telemetry names it. */
export interface BackendService {
  readonly host: string;
  readonly name: string;
  readonly namespace: string;
}

/** Where the addresses come from. */
export type Discovery =
  | { readonly kind: "eds" }
  | { readonly kind: "static"; readonly endpoints: readonly LocalityEndpoints[] }
  | {
      readonly kind: "dns";
      /** `logical` uses one address of the answer at a time, `strict` all. */
      readonly mode: "strict" | "logical";
      readonly refreshMs: number;
      readonly family: DnsCache["family"];
      readonly endpoints: readonly LocalityEndpoints[];
    }
  /** The host that a request or a handshake names, where a filter has looked it up. */
  | { readonly kind: "dynamic-dns"; readonly cache: DnsCache }
  /** To where the client wanted to go. */
  | { readonly kind: "original-destination"; readonly keepHosts: boolean };

/** Where a proxy keeps the addresses it has looked up; filters and backends with equal ones share it. */
export interface DnsCache {
  readonly name: string;
  readonly family: "v4" | "v6";
  readonly refreshMs: number;
}

/** Endpoints of one locality. */
export interface LocalityEndpoints {
  readonly region: string;
  readonly zone: string;
  readonly subzone: string;
  /** 0 is preferred; higher numbers take over when lower ones fail. */
  readonly priority: number;
  /** Its share of the traffic; absent where it weighs as much as its endpoints together. */
  readonly weight?: number;
  readonly endpoints: readonly BackendEndpoint[];
}

/** One address of a backend. */
export interface BackendEndpoint {
  /** An IP address, a host name, or the path of a Unix socket, whose port is 0. */
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  /** Absent where nobody reports health. */
  readonly health?: "HEALTHY" | "UNHEALTHY" | "DRAINING";
  /** True where the workload's proxy takes mutual TLS. */
  readonly takesMutualTls: boolean;
  /** `name;namespace;canonical name;revision;cluster`; absent where there is no workload to speak of. */
  readonly workload?: string;
}

/** The endpoints of one EDS backend. */
export interface LoadAssignment {
  readonly name: string;
  readonly localities: readonly LocalityEndpoints[];
  readonly origin: readonly ObjectRef[];
}

/** Most that may be open at once; {@link unlimited} where nothing is configured. */
export interface Limits {
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
  /** Retries by the number of requests instead of {@link maxRetries}. */
  readonly retryBudget?: {
    readonly percent: number;
    readonly minConcurrency: number;
    readonly intervalMs?: number;
  };
}

/** Envoy's largest threshold: in effect none. */
export const unlimited = 4_294_967_295;

/** How an endpoint is chosen. */
export type LoadBalancing =
  | { readonly kind: "least-request"; readonly warmup?: Warmup }
  | { readonly kind: "round-robin"; readonly warmup?: Warmup }
  | { readonly kind: "random" }
  | { readonly kind: "ring-hash"; readonly minimumRingSize: number }
  | { readonly kind: "maglev"; readonly tableSize?: number }
  /** The discovery itself chooses. */
  | { readonly kind: "provided" };

/** How a new endpoint gets up to its share of the traffic. */
export interface Warmup {
  readonly windowMs: number;
  /** 1 is linear; Envoy's default where absent. */
  readonly aggression?: number;
  /** Percentage of its weight it starts with; Envoy's default where absent. */
  readonly minimumPercent?: number;
}

/** When an endpoint is set aside. Absent fields leave Envoy's default. */
export interface OutlierDetection {
  readonly consecutive5xx?: number;
  readonly consecutiveGatewayErrors?: number;
  readonly consecutiveLocalOriginFailures?: number;
  readonly splitLocalOriginErrors?: boolean;
  readonly intervalMs?: number;
  readonly baseEjectionMs?: number;
  readonly maxEjectionPercent?: number;
  /** Share of healthy endpoints below which all are used again; 0 turns that off. */
  readonly minHealthPercent: number;
}

/** HTTP towards the backend. */
export interface UpstreamHttp {
  /** `auto` speaks what the client of this proxy speaks. */
  readonly protocol: "http1" | "http2" | "auto";
  readonly idleTimeoutMs?: number;
  readonly maxRequestsPerConnection?: number;
  readonly maxConnectionDurationMs?: number;
  readonly maxConcurrentStreams?: number;
  /** HTTP/2 pings on connections; only towards HTTP/2. */
  readonly keepalive?: { readonly intervalMs?: number; readonly timeoutMs?: number };
}

/** Probes of idle TCP connections; absent fields leave the kernel's default. */
export interface TcpKeepalive {
  readonly probes?: number;
  readonly timeSeconds?: number;
  readonly intervalSeconds?: number;
}
