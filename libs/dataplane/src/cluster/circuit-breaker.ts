import type { LimitedResource, Permit } from "../runtime/cluster.ts";
import type { CircuitBreakerLimits } from "../runtime/cluster-config.ts";
import type { StatsScope } from "../runtime/stats.ts";

/** Counts what is held, and refuses what is over the limits. */
export interface CircuitBreaker {
  acquire(what: LimitedResource): Permit | undefined;
  /** How many are held at present. */
  held(what: LimitedResource): number;
}

/** Envoy's words: the breaker's gauge, and the counter of what was refused. */
const statNames: Readonly<Record<LimitedResource, readonly [open: string, overflow: string]>> = {
  connection: ["circuit_breakers.default.cx_open", "upstream_cx_overflow"],
  pending: ["circuit_breakers.default.rq_pending_open", "upstream_rq_pending_overflow"],
  request: ["circuit_breakers.default.rq_open", "upstream_rq_pending_overflow"],
  retry: ["circuit_breakers.default.rq_retry_open", "upstream_rq_retry_overflow"],
};

/**
 * Creates the breakers of a cluster. One permit object per resource serves all holders, so that a request allocates
 * nothing. https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/circuit_breaking
 */
export function createCircuitBreaker(limits: CircuitBreakerLimits, stats: StatsScope): CircuitBreaker {
  const held: Record<LimitedResource, number> = { connection: 0, pending: 0, request: 0, retry: 0 };
  const permit = (what: LimitedResource): Permit => ({
    release: () => {
      // Back under the limit: the gauge is only touched where it may have been set.
      if (held[what]-- === limitOf(what)) stats.gauge(statNames[what][0]).set(0);
    },
  });
  const permits: Readonly<Record<LimitedResource, Permit>> = {
    connection: permit("connection"),
    pending: permit("pending"),
    request: permit("request"),
    retry: permit("retry"),
  };
  function limitOf(what: LimitedResource): number {
    if (what !== "retry" || limits.retryBudget === undefined) return limits[what];
    const { percent, minimum } = limits.retryBudget;
    return Math.max(minimum, Math.floor((percent * (held.request + held.pending)) / 100));
  }
  return {
    held: (what) => held[what],
    acquire: (what) => {
      const limit = limitOf(what);
      if (held[what] >= limit) {
        stats.counter(statNames[what][1]).inc();
        return undefined;
      }
      if (++held[what] === limit) stats.gauge(statNames[what][0]).set(1);
      return permits[what];
    },
  };
}
