import type { DnsCache } from "../../dns-cache/index.ts";
import type {
  AcceptedConnection,
  NetworkFilter,
  NetworkFilterLayer,
  ServedConnection,
} from "../../runtime/connection.ts";

/**
 * Looks up the server name of a connection before it is passed on to a cluster that makes its hosts as they are named.
 * A name without an address is for the cluster to refuse.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/sni_dynamic_forward_proxy_filter
 */
export function createSniForwardProxy(cache: DnsCache, port: number): NetworkFilterLayer {
  return (next) => (connection) => {
    const { serverName } = connection.info;
    return serverName === undefined
      ? next(connection)
      : new LookingUp(cache, { serverName, port }, next, connection);
  };
}

class LookingUp implements ServedConnection {
  readonly closed: Promise<void>;
  readonly #connection: AcceptedConnection;
  #served: ServedConnection | undefined;
  #draining = false;

  constructor(
    cache: DnsCache,
    { serverName, port }: { readonly serverName: string; readonly port: number },
    next: NetworkFilter,
    connection: AcceptedConnection,
  ) {
    const { socket } = connection;
    this.#connection = connection;
    this.closed = new Promise((resolve) => {
      if (socket.closed) resolve();
      else socket.once("close", () => resolve());
    });
    const cancel = cache.load(serverName, () => {
      if (socket.destroyed) return;
      this.#served = next({
        ...connection,
        upstream: { ...connection.upstream, dynamicHost: `${serverName}:${port}` },
      });
      if (this.#draining) this.#served.drain();
    });
    socket.once("close", cancel);
  }

  drain(): void {
    this.#draining = true;
    this.#served?.drain();
  }

  close(): void {
    if (this.#served === undefined) this.#connection.socket.destroy();
    else this.#served.close();
  }
}
