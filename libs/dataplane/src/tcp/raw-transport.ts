import { connect } from "node:net";
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
