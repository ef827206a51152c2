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
    connect: ({ address, port }, localAddress, onread, _offered, { preface } = {}) => {
      const reading = onread === undefined ? {} : { onread };
      const socket =
        port === 0 && address.startsWith("/")
          ? connect({ path: address, ...reading })
          : connect({
              host: address,
              port,
              noDelay: true,
              ...keepAlive,
              ...reading,
              ...(localAddress !== undefined && { localAddress }),
            });
      // Kept until the connection stands, ahead of whatever is written then.
      if (preface !== undefined) socket.write(preface);
      return socket;
    },
  };
}
