import type { OnReadOpts, Socket } from "node:net";
import type { ProxiedAddresses } from "../proxy-protocol/header.ts";
import type { Http2Settings } from "./http2-settings.ts";
import type { StatsScope } from "./stats.ts";
import type { OfferedProtocols } from "./transport.ts";

/** An upstream address with its live state. Identity is stable while address and cluster stay. */
export interface Host {
  readonly address: string;
  /** 0 for a Unix socket, whose path is the address. */
  readonly port: number;
  /** Name of the endpoint, for `auto_host_rewrite`; empty where there is none. */
  readonly hostname: string;
  /** 0 is used first. */
  readonly priority: number;
  /** Open requests, kept by the router (and open connections, by the TCP proxy); least-request reads it. */
  activeRequests: number;
  /** Envoy's filter metadata of the endpoint: `metadata["istio"]`, … */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** What a load balancer may use to choose. */
export interface PickContext {
  /** 64 bits, of a route's hash policy. */
  readonly hash?: bigint;
  /** What the host's metadata under `envoy.lb` must be, for clusters with subsets. */
  readonly subset?: Readonly<Record<string, unknown>>;
  /** Hosts that a further try does not want; `attempts` says how often another is looked for. */
  readonly rejects?: (host: Host) => boolean;
  /** For a further try that is to go to other priorities. */
  readonly retryPriority?: RetryPriority;
  /** Hosts already tried by this request. */
  readonly tried?: ReadonlySet<Host>;
  /** How often another host is looked for when the one chosen was tried; 5 unless told. */
  readonly attempts?: number;
  /** `name:port`, for clusters that make their hosts as they are named. */
  readonly dynamicHost?: string;
  /** Original destination, for ORIGINAL_DST clusters. */
  readonly originalDestination?: { readonly address: string; readonly port: number };
}

/** Which priorities a request has tried; the balancer keeps it. */
export interface RetryPriority {
  /** After so many tries the priorities tried are left out anew. */
  readonly updateFrequency: number;
  /** Priorities of the hosts tried so far, one for each try. */
  attempted: number[];
  readonly excluded: Set<number>;
}

/** Outcome of one try on a host, for outlier detection and statistics. */
export type TryOutcome =
  | { readonly kind: "response"; readonly status: number }
  | { readonly kind: "connect-failure" | "reset" | "timeout" };

/** What circuit breakers limit. */
export type LimitedResource = "connection" | "pending" | "request" | "retry";

/** A circuit-breaker slot. `release` gives it back: exactly once, it is not guarded (permits are shared objects). */
export interface Permit {
  release(): void;
}

/** What a cluster speaks; `downstream`: what the request came in with; `auto`: what the TLS handshake agrees on. */
export type UpstreamProtocol = "http1" | "http2" | "downstream" | "auto";

/** A cluster as the router and the pools see it: looked up live by name for each request. */
export interface Cluster {
  readonly name: string;
  /** What statistics and access logs call it: `alt_stat_name`, else the name. */
  readonly observabilityName: string;
  /** By filter name. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly connectTimeoutMs: number;
  readonly protocol: UpstreamProtocol;
  /** What holds on connections of HTTP/2. */
  readonly http2: Http2Settings;
  /** Requests after which a connection is closed; 0 means no limit. */
  readonly maxRequestsPerConnection: number;
  /** After which a connection without requests is closed; 0 means never. */
  readonly idleTimeoutMs: number;
  /** Metrics `cluster.<observability name>.*`; who causes an event counts it: the router `upstream_rq_*`, the pools the rest. */
  readonly stats: StatsScope;
  /** Undefined where no host may be used (flag UH). */
  pick(context: PickContext): Host | undefined;
  /** How many of its hosts may be used; 100 where there is none. */
  readonly healthyPercent: number;
  report(host: Host, outcome: TryOutcome): void;
  /** Undefined where the limit is reached (flag UO); the cluster counts the overflow. */
  acquire(what: LimitedResource): Permit | undefined;
  /**
   * Opens a connection through the cluster's transport socket, from its bind address. The socket emits `readyEvent(socket)` when
   * it can carry data (after the handshake, where there is one) or `error`. `upstream_cx_*` totals and the host's
   * figures are counted here; the connect timeout is the caller's to keep. `onread` is for the socket, which may heed
   * it or emit `data` as ever: https://nodejs.org/api/net.html#socketconnectoptions-connectlistener
   */
  connect(host: Host, onread?: OnReadOpts, offered?: OfferedProtocols, downstream?: ProxiedAddresses): Socket;
  /** Present where requests name its hosts (`PickContext.dynamicHost`), after a filter has looked them up. */
  readonly dynamic: { readonly defaultPort: number } | undefined;
  /** Its connections begin by saying for which downstream connection they are: `connect` is to be told. */
  readonly tellsDownstream: boolean;
  /** Calls `listener` with hosts that left the cluster: their pools drain. The returned function ends it. */
  onHostsRemoved(listener: (hosts: readonly Host[]) => void): () => void;
  /** Aborts when the cluster, or its version that connections were made with, is gone: pools drain. */
  readonly retired: AbortSignal;
}

/** Live lookup of clusters. */
export interface ClusterSet {
  get(name: string): Cluster | undefined;
}
