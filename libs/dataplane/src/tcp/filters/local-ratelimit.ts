import type { Clock } from "@weft/base";
import { TokenBucket, type TokenBucketConfig } from "../../rate-limit/token-bucket.ts";
import type { NetworkFilterLayer } from "../../runtime/connection.ts";
import type { StatsScope } from "../../runtime/stats.ts";
import type { AccessLogger } from "../../runtime/stream-info.ts";
import { refuseConnection } from "./refuse.ts";

/** Envoy's network LocalRateLimit, compiled. */
export interface ConnectionRateLimitConfig {
  readonly bucket: TokenBucketConfig;
  /** The scope `local_rate_limit.<stat_prefix>.`. */
  readonly stats: StatsScope;
  readonly accessLogs: readonly AccessLogger[];
  readonly clock: Clock;
}

/** Bounds how fast connections come. https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/local_rate_limit_filter */
export function createConnectionRateLimit(config: ConnectionRateLimitConfig): NetworkFilterLayer {
  const { stats, accessLogs, clock } = config;
  const bucket = new TokenBucket(config.bucket);
  const limited = stats.counter("rate_limited");
  return (next) => (connection) => {
    if (bucket.consume(clock.monotonic())) return next(connection);
    limited.inc();
    return refuseConnection(connection.socket, connection.info, {
      details: "local_ratelimit_close_over_limit",
      flag: "RL",
      accessLogs,
      clock,
    });
  };
}
