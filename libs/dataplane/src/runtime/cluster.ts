import type { Socket } from "node:net";
import type { StatsScope } from "./stats.ts";

/** An upstream address with its live state. Identity is stable while address and cluster stay. */
export interface Host {
  readonly address: string;
  readonly port: number;
  /** Name that the address came from, for `autoHostRewrite`; absent where there is none. */
  readonly hostname?: string;
  /** Open requests, kept by the router; least-request reads it. */
  activeRequests: number;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** What a load balancer may use to choose. */
export interface PickContext {
  readonly hash?: number;
  /** Hosts already tried by this request. */
  readonly tried?: ReadonlySet<Host>;
  /** Fields that choose a subset. */
  readonly metadataMatch?: Readonly<Record<string, unknown>>;
  /** Original destination, for ORIGINAL_DST clusters. */
  readonly originalDestination?: { readonly address: string; readonly port: number };
}

/** Outcome of one try on a host, for outlier detection and statistics. */
export type TryOutcome =
  | { readonly kind: "response"; readonly status: number }
  | { readonly kind: "connect-failure" | "reset" | "timeout" };

/** A circuit-breaker slot; `release` gives it back, once. */
export interface Permit {
  release(): void;
}

/** A cluster as the router and the pools see it: looked up live by name for each request. */
export interface Cluster {
  readonly name: string;
  readonly connectTimeoutMs: number;
  /** `http2` where the upstream speaks HTTP/2. */
  readonly protocol: "http1" | "http2" | "downstream";
  /** Requests after which a connection is closed; 0 means no limit. */
  readonly maxRequestsPerConnection: number;
  readonly idleTimeoutMs: number;
  /** The scope `cluster.<name>.`. */
  readonly stats: StatsScope;
  /** Opens a connection's socket where the cluster has a transport of its own (TLS); absent: plain TCP. */
  readonly connect?: (host: Host) => Socket;
  /** Local address to connect from, as upstream_bind_config says. */
  readonly bindAddress?: string;
  pick(context: PickContext): Host | undefined;
  report(host: Host, outcome: TryOutcome): void;
  /** Undefined where the limit is reached (flag UO). */
  acquire(what: "connection" | "pending" | "request" | "retry"): Permit | undefined;
  /** Aborts when the cluster, or its version that connections were made with, is gone: pools drain. */
  readonly retired: AbortSignal;
}

/** Live lookup of clusters. */
export interface ClusterSet {
  get(name: string): Cluster | undefined;
}
