import type { ObjectRef } from "@weft/base";
import type { Authentication } from "./authentication.ts";
import type { DnsCache } from "./backend.ts";
import type { AuthorizationChain } from "./policy.ts";
import type { RouteTable } from "./route.ts";
import type { DownstreamTls } from "./tls.ts";

/** A place the proxy takes connections: an own socket, or connections handed over by a virtual listener. */
export interface Listener {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** False where connections come from a virtual listener. */
  readonly bindToPort: boolean;
  readonly direction: "inbound" | "outbound";
  /** `virtual` takes all intercepted connections, `port` serves one port, `gateway` a gateway's port. */
  readonly role: "virtual" | "port" | "gateway";
  /** Connections are handed on to the listener of their original destination. */
  readonly useOriginalDestination: boolean;
  /** Connections keep their source address (interception mode TPROXY). */
  readonly transparent?: boolean;
  readonly inspectors: Inspectors;
  readonly chains: readonly FilterChain[];
  readonly defaultChain?: FilterChain;
  readonly origin: readonly ObjectRef[];
}

/** What is looked at before a filter chain is chosen; absent inspectors look at nothing. */
export interface Inspectors {
  readonly originalDestination?: boolean;
  readonly tls?: InspectedPorts;
  readonly http?: InspectedPorts;
}

/** The destination ports an inspector looks at, in order: all but these, or these alone. */
export interface InspectedPorts {
  readonly kind: "except" | "only";
  readonly ports: readonly number[];
}

/** What is done with connections that match. */
export interface FilterChain {
  readonly name?: string;
  readonly match?: ChainMatch;
  readonly tls?: DownstreamTls;
  readonly filter: NetworkFilter;
}

/** All that is given must hold. */
export interface ChainMatch {
  readonly destinationPort?: number;
  readonly transport?: "tls" | "raw_buffer";
  readonly applicationProtocols?: readonly string[];
  /** SNI host names, `*.` wildcards allowed. */
  readonly serverNames?: readonly string[];
  readonly prefixRanges?: readonly { readonly address: string; readonly length: number }[];
}

/** The end of a filter chain. */
export type NetworkFilter = TcpForward | HttpConnections;

/** Bytes are passed on. */
export interface TcpForward {
  readonly kind: "tcp";
  readonly direction: "inbound" | "outbound";
  readonly destinations: readonly { readonly backend: string; readonly weight: number }[];
  /** The port of the listener, or of the own application; absent where there are many. */
  readonly port?: number;
  readonly statPrefix: string;
  readonly idleTimeoutMs?: number;
  readonly authorization?: AuthorizationChain;
  /** Peer metadata is exchanged on the connection, where the proxy can. */
  readonly exchangesMetadata: boolean;
  /** Connections of one client go to one endpoint. */
  readonly hashBySource?: boolean;
  /** Bytes are carried inside of HTTP requests (CONNECT, else POST) to the backend, which are for this host and port. */
  readonly tunnel?: { readonly host: string; readonly port: number; readonly post: boolean };
  /** The host that the handshake names is looked up; connections go to this port of it. */
  readonly lookup?: { readonly cache: DnsCache; readonly port: number };
}

/** Requests are routed. */
export interface HttpConnections {
  readonly kind: "http";
  readonly direction: "inbound" | "outbound" | "gateway";
  readonly statPrefix: string;
  readonly routes:
    | { readonly kind: "rds"; readonly name: string }
    | { readonly kind: "inline"; readonly table: RouteTable };
  /** The port of the listener, or of the own application; absent where there are many. */
  readonly port?: number;
  /** True for listeners that clients use as a forward proxy: requests carry whole URLs. */
  readonly forwardProxy: boolean;
  /** HTTP/1.0 requests are taken. */
  readonly http10: boolean;
  /** Clients may speak gRPC-Web. */
  readonly grpcWeb: boolean;
  /** Where the hosts of requests are looked up to; absent where they need not be. */
  readonly dnsCaches?: readonly DnsCache[];
  /** Whose tokens requests may bring; absent where none are looked at. */
  readonly authentication?: Authentication;
  readonly authorization?: AuthorizationChain;
}
