import { connect, Socket } from "node:net";
import type { UpstreamTransport } from "../runtime/transport.ts";

/** Settings of {@link createRawTransport}. */
export interface RawTransportOptions {
  /** TCP keep-alive: first probe after this long, milliseconds; undefined: off. */
  readonly keepAliveMs?: number;
}

/** Connects without TLS. */
export function createRawTransport({ keepAliveMs }: RawTransportOptions): UpstreamTransport {
  const keepAlive = keepAliveMs === undefined ? {} : { keepAlive: true, keepAliveInitialDelay: keepAliveMs };
  return {
    connect: ({ address, port }, localAddress, onread) => {
      const reading = onread === undefined ? {} : { onread };
      if (port === 0 && address.startsWith("/")) return connect({ path: address, ...reading });
      return connect({
        host: address,
        port,
        noDelay: true,
        ...keepAlive,
        ...reading,
        ...(localAddress !== undefined && { localAddress }),
      });
    },
  };
}

/** Why a connection cannot be secured. */
export class TransportSocketError extends Error {
  override readonly name = "TransportSocketError";
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** What a TLS transport socket says until this proxy can take certificates. */
export function tlsNotAvailable(side: "upstream" | "downstream"): TransportSocketError {
  return new TransportSocketError(
    "tls-not-available",
    `${side} TLS is configured, and this proxy takes no certificates yet: the connection is not made`,
  );
}

/** A socket that fails to connect, for this reason. */
export function failedSocket(error: Error): Socket {
  const socket = new Socket();
  // Not at once: whoever asked for the connection has yet to listen.
  setImmediate(() => socket.destroy(error));
  return socket;
}
