import type { Socket } from "node:net";
import type { StreamInfo } from "./stream-info.ts";

/** An IP address and port; a Unix socket has its path as address and port 0. */
export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/** What the TLS handshake of a downstream connection gave. */
export interface TlsInfo {
  /** As `TLSSocket.getProtocol()` says it: `TLSv1.3`. */
  readonly version: string;
  readonly cipher: string;
  /** Absent where the client showed no certificate, or none that was verified. */
  readonly peer?: PeerCertificate;
  /** URI names of the certificate that this side showed. */
  readonly localUriSans: readonly string[];
}

/** The upstream by its verified certificate. */
export type UpstreamPeer = Pick<PeerCertificate, "uriSans">;

/** Who the two ends of an upstream connection are, by their certificates. */
export interface UpstreamIdentity {
  /** Absent where the certificate of the upstream was not verified. */
  readonly peer?: UpstreamPeer;
  readonly localUriSans: readonly string[];
}

/** The verified certificate of the other side. */
export interface PeerCertificate {
  /** Subject alternative names of kind URI: SPIFFE identities. */
  readonly uriSans: readonly string[];
  readonly dnsSans: readonly string[];
  /** Distinguished name as in RFC 2253. */
  readonly subject: string;
  readonly serialNumber: string;
  /** Lower-case hexadecimal SHA-256 of the certificate. */
  readonly sha256: string;
  /** The certificate itself; absent where nobody kept it. */
  readonly pem?: string;
}

/** Which way traffic of a listener goes, as its `traffic_direction` says. */
export type TrafficDirection = "inbound" | "outbound" | "unspecified";

/** Everything known about a downstream connection once its filter chain is chosen. Never changes. */
export interface ConnectionInfo {
  /** The listener that owns the chain; after a hand-over by original destination not the one that accepted. */
  readonly listener: string;
  readonly direction: TrafficDirection;
  readonly filterChain: string;
  /** The other end; what the PROXY protocol says where it is in use. */
  readonly remoteAddress: SocketAddress;
  /** The other end of the socket itself. */
  readonly directRemoteAddress: SocketAddress;
  /** This end; the original destination where that was restored. */
  readonly localAddress: SocketAddress;
  /** Where the connection was headed before it was redirected; absent where the listener does not look. */
  readonly originalDestination?: SocketAddress;
  /** Server name of the client hello; absent without TLS or without the extension. */
  readonly serverName?: string;
  /** What was agreed on in the handshake, or what the HTTP inspector saw (`http/1.1`, `h2c`). */
  readonly applicationProtocol?: string;
  /** Present where the proxy itself ended TLS. */
  readonly tls?: TlsInfo;
  /** What network filters have noted, by filter name. */
  readonly metadata?: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
}

/** A connection as a listener hands it over: accepted, inspected, its filter chain chosen. */
export interface AcceptedConnection {
  /** A `TLSSocket` where TLS is ended here. Paused, without listeners but for `error`; the filter owns it now. */
  readonly socket: Socket;
  /** Bytes that inspection has taken from the socket already; to be treated as if read first. Often empty. */
  readonly head: Buffer;
  readonly info: ConnectionInfo;
  /** What a filter before the last one wants of the upstream; the TCP proxy heeds it. */
  readonly upstream?: UpstreamWish;
  /** Whom the TCP proxy tells of the connection. */
  readonly watchers?: readonly ConnectionWatcher[];
}

/** Told of a connection on its way through the TCP proxy. Must not throw. */
export interface ConnectionWatcher {
  /** The upstream is connected; never called where none could be. */
  onConnected(info: StreamInfo): void;
  /** Called once, when the connection is closed. */
  onEnd(info: StreamInfo): void;
}

/** Where a network filter sends a connection. */
export interface UpstreamWish {
  /** In place of the configured cluster. */
  readonly cluster?: string;
  /** For clusters that make their hosts as they are named: `name:port`. */
  readonly dynamicHost?: string;
}

/** A connection in the hands of a network filter. */
export interface ServedConnection {
  /** Finishes what is under way, takes nothing new, then closes. HTTP says `connection: close`. Idempotent. */
  drain(): void;
  /** Closes now, with what is under way. Idempotent. */
  close(): void;
  /** Settles once the socket is closed, whoever closed it; never rejects. */
  readonly closed: Promise<void>;
}

/**
 * The last network filter of a chain (HTTP connection manager, TCP proxy), compiled: serves a connection until it
 * is closed. Never throws; what goes wrong closes the connection.
 */
export type NetworkFilter = (connection: AcceptedConnection) => ServedConnection;

/** A network filter that stands before another (RBAC, SNI): passes the connection on, or serves (closes) it itself. */
export type NetworkFilterLayer = (next: NetworkFilter) => NetworkFilter;

/** The same connection, with more noted of it. */
export function withMetadata(
  info: ConnectionInfo,
  filter: string,
  values: Readonly<Record<string, unknown>>,
): ConnectionInfo {
  const metadata = new Map(info.metadata);
  metadata.set(filter, { ...metadata.get(filter), ...values });
  return { ...info, metadata };
}
