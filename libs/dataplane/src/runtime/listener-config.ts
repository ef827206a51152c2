import type { CidrRange } from "@weft/matching";
import type { SecretRef, TlsMaterial } from "../tls/secret.ts";
import type { NetworkFilter, SocketAddress, TrafficDirection } from "./connection.ts";
import type { AccessLogger } from "./stream-info.ts";
import type { DownstreamTransport } from "./transport.ts";

/** What connections a filter chain is for; empty lists and absent values match all. */
export interface FilterChainMatch {
  readonly destinationPort?: number;
  readonly destinationPrefixes: readonly CidrRange[];
  /** Exact names in lower case, or suffixes as `*.example.com`. */
  readonly serverNames: readonly string[];
  /** `tls` or `raw_buffer`; empty for any. */
  readonly transportProtocol: string;
  readonly applicationProtocols: readonly string[];
  readonly directSourcePrefixes: readonly CidrRange[];
  /** `local`: from the same address or loopback. */
  readonly sourceType: "any" | "local" | "external";
  readonly sourcePrefixes: readonly CidrRange[];
  readonly sourcePorts: readonly number[];
}

/** A filter chain, compiled. */
export interface FilterChain {
  readonly name: string;
  /** Content hash of the message: connections of an unchanged chain are not drained when its listener changes. */
  readonly version: string;
  readonly match: FilterChainMatch;
  /** Absent: the bytes are the application's as they come. */
  readonly transport?: DownstreamTransport;
  /** Time for the transport's handshake; 0 for no limit. */
  readonly handshakeTimeoutMs: number;
  readonly serve: NetworkFilter;
}

/** A listener filter: looks at a connection before its filter chain is chosen. */
export type ListenerFilter = InspectingFilter | ProxyProtocolFilter;

/** A listener filter without settings. */
export interface InspectingFilter extends DisabledByPort {
  readonly kind: "original-dst" | "tls-inspector" | "http-inspector";
}

/** Reads the addresses of a connection from the header that a load balancer before this proxy sends. */
export interface ProxyProtocolFilter extends DisabledByPort {
  readonly kind: "proxy-protocol";
  /** Takes connections without a header as they are. */
  readonly optional: boolean;
  readonly disallowedVersions: ReadonlySet<1 | 2>;
  /** Under what its statistics are counted: `proxy_proto`, with the prefix that it is given. */
  readonly statPrefix: string;
}

interface DisabledByPort {
  /** True for destination ports at which the filter does not look. */
  readonly disabled: (destinationPort: number) => boolean;
}

/** A compiled Listener. */
export interface ListenerConfig {
  readonly name: string;
  /** Content hash of the message: equal config is no change. */
  readonly version: string;
  /** A Unix socket's path has port 0. */
  readonly addresses: readonly SocketAddress[];
  /** False: takes connections only by hand-over from another listener. */
  readonly bindToPort: boolean;
  readonly direction: TrafficDirection;
  /** Hands connections over to the listener of their original destination. */
  readonly useOriginalDst: boolean;
  readonly listenerFilters: readonly ListenerFilter[];
  /** Time for inspection; 0 for no limit. */
  readonly listenerFiltersTimeoutMs: number;
  /** On timeout goes on with what is known, instead of closing. */
  readonly continueOnTimeout: boolean;
  readonly filterChains: readonly FilterChain[];
  readonly defaultFilterChain?: FilterChain;
  /** What `listener.<…>.` metrics are counted under. */
  readonly statPrefix: string;
  /** Queue of connections not yet accepted. */
  readonly backlog: number;
  /** Route configurations that must be there before the listener takes connections. */
  readonly routeNames: readonly string[];
  /** How long to wait for them; 0 for no limit. */
  readonly routesTimeoutMs: number;
  /** Secrets that its chains need. */
  readonly secrets: readonly SecretRef[];
  /** What its handshakes use at present, for dumps; each throws where a secret is missing. */
  readonly tlsMaterials: readonly (() => TlsMaterial)[];
  /** Told of connections that no filter chain takes; chains have logs of their own. */
  readonly accessLogs: readonly AccessLogger[];
}
