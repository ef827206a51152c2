import type { Clock } from "@weft/base";
import type { NetworkFilterLayer } from "../../runtime/connection.ts";
import type { StatsScope } from "../../runtime/stats.ts";
import type { AccessLogger } from "../../runtime/stream-info.ts";
import { refuseConnection } from "./refuse.ts";

/** Envoy's ConnectionLimit, compiled. */
export interface ConnectionLimitConfig {
  readonly maxConnections: number;
  /** How long a connection that is too many is left open; 0: not at all. */
  readonly delayMs: number;
  /** The scope `connection_limit.<stat_prefix>.`. */
  readonly stats: StatsScope;
  readonly accessLogs: readonly AccessLogger[];
  readonly clock: Clock;
}

/** Bounds the connections of one filter chain. https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/connection_limit_filter */
export function createConnectionLimit(config: ConnectionLimitConfig): NetworkFilterLayer {
  const { maxConnections, delayMs, stats, accessLogs, clock } = config;
  const active = stats.gauge("active_connections");
  const limited = stats.counter("limited_connections");
  let open = 0;
  return (next) => (connection) => {
    const { socket, info } = connection;
    if (open < maxConnections) {
      open++;
      active.inc();
      socket.once("close", () => {
        open--;
        active.dec();
      });
      return next(connection);
    }
    limited.inc();
    return refuseConnection(socket, info, {
      details: "over_connection_limit",
      flag: "UO",
      accessLogs,
      clock,
      delayMs,
    });
  };
}
