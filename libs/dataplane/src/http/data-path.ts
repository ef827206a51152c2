import type { Clock } from "@weft/base";
import { FlushQueue } from "../codec/flush-queue.ts";
import type { ClusterSet } from "../runtime/cluster.ts";
import type { CallCluster } from "../runtime/cluster-call.ts";
import type { NetworkFilter } from "../runtime/connection.ts";
import type { OnFault } from "../runtime/faults.ts";
import type { HttpConnectionManagerConfig } from "../runtime/http-connection-manager.ts";
import type { TerminalHttpFilter } from "../runtime/http-filter.ts";
import type { StatsScope } from "../runtime/stats.ts";
import type { OpenTunnel } from "../runtime/tunnel.ts";
import { createUpstreamPools } from "../upstream/pools.ts";
import { createClusterClient } from "./cluster-client.ts";
import { createHttpConnectionManager } from "./connection-manager.ts";
import { createRouter } from "./router/router.ts";
import { TimerWheel } from "./timer-wheel.ts";
import { createTunnels } from "./tunnel.ts";

/** What the HTTP data path of a process works with. */
export interface HttpDataPathOptions {
  readonly clock: Clock;
  readonly clusters: ClusterSet;
  /** Told of what threw; the request it happened to has been answered. */
  readonly onFault?: OnFault;
}

/** The HTTP data path: connection managers and routers that share pools and timers. */
export interface HttpDataPath {
  createConnectionManager(config: HttpConnectionManagerConfig): NetworkFilter;
  /** Tunnels for connections. */
  readonly openTunnel: OpenTunnel;
  /** Requests that filters make. */
  readonly callCluster: CallCluster;
  /** The last HTTP filter of a chain; `stats` is the connection manager's scope. */
  createRouter(options: {
    readonly stats: StatsScope;
    readonly suppressEnvoyHeaders: boolean;
  }): TerminalHttpFilter;
}

/** As Envoy's `per_connection_buffer_limit_bytes`. */
const bufferLimit = 1024 * 1024;

/** Creates the HTTP data path, once per process. */
export function createHttpDataPath({ clock, clusters, onFault }: HttpDataPathOptions): HttpDataPath {
  const wheel = new TimerWheel(clock, { onFault });
  const queue = new FlushQueue();
  const pools = createUpstreamPools({
    clock,
    wheel,
    codec: {
      maxHeadBytes: 60 * 1024,
      maxHeaders: 100,
      preserveCase: false,
      enableTrailers: true,
      queue,
      clock,
    },
  });
  return {
    createConnectionManager: (config) => createHttpConnectionManager(config, { wheel, queue, onFault }),
    openTunnel: createTunnels(pools),
    callCluster: createClusterClient({ clusters, pools, wheel }),
    createRouter: ({ stats, suppressEnvoyHeaders }) =>
      createRouter({
        name: "envoy.filters.http.router",
        clusters,
        pools,
        wheel,
        stats,
        suppressEnvoyHeaders,
        bufferLimit,
      }),
  };
}
