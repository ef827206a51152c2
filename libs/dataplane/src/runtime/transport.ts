import type { OnReadOpts, Socket } from "node:net";
import type { SocketAddress, TlsInfo } from "./connection.ts";

/** Where a connection goes, and what the endpoint is known by. */
export interface UpstreamTarget extends SocketAddress {
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Opens upstream connections: raw, or with TLS. The seam at which certificates come in. */
export interface UpstreamTransport {
  /** Returns at once; the socket emits `connect` when it can carry data, or `error`. */
  connect(target: UpstreamTarget, localAddress: string | undefined, onread?: OnReadOpts): Socket;
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
  /** Rejects with a reason where no secure connection comes about; the listener then closes the socket. */
  accept(socket: Socket, head: Buffer): Promise<SecuredConnection>;
}
