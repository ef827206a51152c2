import type { Clock } from "@weft/base";

/** A token bucket: so many at once, so many a second on the long run. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** Says whether one more is allowed now, and counts it if so. */
export interface RateLimiter {
  take(key: string): boolean;
}

/** Keys remembered at most. */
const maxKeys = 10_000;

/**
 * Creates a limiter with one bucket for each key. At {@link maxKeys} keys the one that was used longest ago is forgotten, which starts its
 * bucket anew: bound what all keys together may do besides.
 */
export function createRateLimiter(rate: Rate, clock: Clock): RateLimiter {
  const buckets = new Map<string, { tokens: number; at: number }>();
  return {
    take: (key) => {
      const now = clock.monotonic();
      const before = buckets.get(key) ?? { tokens: rate.burst, at: now };
      // Inserted again: the map's order is the order of use.
      buckets.delete(key);
      const tokens = Math.min(rate.burst, before.tokens + ((now - before.at) / 1000) * rate.perSecond);
      const allowed = tokens >= 1;
      buckets.set(key, { tokens: allowed ? tokens - 1 : tokens, at: now });
      if (buckets.size > maxKeys) {
        const [oldest = ""] = buckets.keys();
        buckets.delete(oldest);
      }
      return allowed;
    },
  };
}
