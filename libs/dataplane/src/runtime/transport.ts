import type { OnReadOpts, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { ProxiedAddresses } from "../proxy-protocol/header.ts";
import type { SocketAddress, TlsInfo } from "./connection.ts";

/** Where a connection goes, and what the endpoint is known by. */
export interface UpstreamTarget extends SocketAddress {
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** What is offered in a handshake: in place of what the transport is configured with, or where that is nothing. */
export type OfferedProtocols =
  | { readonly instead: readonly string[] }
  | { readonly fallback: readonly string[] };

/** Opens upstream connections: raw, or with TLS. The seam at which certificates come in. */
export interface UpstreamTransport {
  /** Returns at once; the socket emits {@link readyEvent} when it can carry data, or `error`. */
  connect(
    target: UpstreamTarget,
    localAddress: string | undefined,
    onread?: OnReadOpts,
    offered?: OfferedProtocols,
    origin?: ConnectionOrigin,
  ): Socket;
  /** Connections are for one downstream connection alone: they begin by saying for which. */
  readonly tellsDownstream?: boolean;
}

/** What an upstream connection is opened for. */
export interface ConnectionOrigin {
  /** The downstream connection; absent where the proxy itself has something to ask. */
  readonly downstream?: ProxiedAddresses | undefined;
  /** Bytes that go before all others, in the clear. */
  readonly preface?: Buffer;
}

/** What a downstream transport makes of an accepted connection. */
export interface SecuredConnection {
  readonly socket: Socket;
  /** Bytes to be treated as read first. */
  readonly head: Buffer;
  readonly tls?: TlsInfo;
  readonly applicationProtocol?: string;
}

/** Ends (or passes by) TLS on accepted connections of one filter chain. */
export interface DownstreamTransport {
  /**
   * Rejects with a reason where no secure connection comes about; the listener then closes the socket. `offered`: the
   * client's application protocols; undefined where nobody looked.
   */
  accept(socket: Socket, head: Buffer, offered: readonly string[] | undefined): Promise<SecuredConnection>;
}

/** The event with which a socket of an {@link UpstreamTransport} says that it can carry data. */
export function readyEvent(socket: Socket | TLSSocket): "connect" | "secureConnect" {
  return "encrypted" in socket ? "secureConnect" : "connect";
}
