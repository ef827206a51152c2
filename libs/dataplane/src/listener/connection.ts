import type { Socket } from "node:net";
import type { Clock } from "@weft/base";
import type { Logger } from "@weft/observability";
import type { ConnectionInfo, ServedConnection, SocketAddress } from "../runtime/connection.ts";
import type { FilterChain, ListenerConfig } from "../runtime/listener-config.ts";
import type { SecuredConnection } from "../runtime/transport.ts";
import type { Inspection } from "./inspect.ts";

/** A connection from its accept to its close, as the listener tracks it. */
export interface TrackedConnection {
  /** Version of the chain that serves it; undefined while none is chosen. */
  readonly chainVersion: string | undefined;
  drain(): void;
  close(): void;
}

/** `::ffff:192.0.2.1`, as dual-stack sockets say, is `192.0.2.1`. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return "";
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

/** Parts of {@link serveConnection}. */
export interface ServeOptions {
  readonly socket: Socket;
  readonly config: ListenerConfig;
  readonly chain: FilterChain;
  readonly inspection: Inspection;
  readonly local: SocketAddress;
  /** The other end as the listener's filters know it. */
  readonly source: SocketAddress;
  readonly originalDestination: SocketAddress | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The transport's handshake failed; the socket is closed. */
  readonly onHandshakeFailure: () => void;
}

/** Secures a connection as its filter chain asks and gives it to the chain's network filters. */
export function serveConnection(options: ServeOptions): TrackedConnection {
  const { socket, chain, inspection, clock, logger, onHandshakeFailure } = options;
  let served: ServedConnection | undefined;
  let draining = false;
  const start = (secured: SecuredConnection) => {
    served = chain.serve({ socket: secured.socket, head: secured.head, info: describe(options, secured) });
    if (draining) served.drain();
  };
  if (chain.transport === undefined) {
    start({ socket, head: inspection.head });
  } else {
    const cancel =
      chain.handshakeTimeoutMs === 0
        ? undefined
        : clock.after(chain.handshakeTimeoutMs, () => socket.destroy(new Error("handshake took too long")));
    chain.transport
      .accept(
        socket,
        inspection.head,
        inspection.transportProtocol === "tls" ? inspection.applicationProtocols : undefined,
      )
      .then(start)
      .catch((error: unknown) => {
        logger.debug(
          { err: error, listener: options.config.name, filterChain: chain.name },
          "no secure connection",
        );
        onHandshakeFailure();
        socket.destroy();
      })
      .finally(cancel);
  }
  return {
    chainVersion: chain.version,
    drain: () => {
      draining = true;
      served?.drain();
    },
    close: () => {
      if (served === undefined) socket.destroy();
      else served.close();
    },
  };
}

function describe(options: ServeOptions, secured: SecuredConnection): ConnectionInfo {
  const { socket, config, chain, inspection, local, source, originalDestination } = options;
  const directRemoteAddress = { address: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 };
  const applicationProtocol = secured.applicationProtocol ?? inspectedProtocol(inspection);
  return {
    listener: config.name,
    direction: config.direction,
    filterChain: chain.name,
    remoteAddress: source,
    directRemoteAddress,
    localAddress: local,
    ...(originalDestination !== undefined && { originalDestination }),
    ...(inspection.serverName !== "" && { serverName: inspection.serverName }),
    ...(applicationProtocol !== undefined && { applicationProtocol }),
    ...(secured.tls !== undefined && { tls: secured.tls }),
  };
}

/** ALPN of a client hello is a wish, not what was agreed on; only the HTTP inspector's finding counts. */
function inspectedProtocol({ transportProtocol, applicationProtocols }: Inspection): string | undefined {
  return transportProtocol === "raw_buffer" ? applicationProtocols[0] : undefined;
}
