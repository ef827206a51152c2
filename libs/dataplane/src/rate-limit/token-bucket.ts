/** Settings of a bucket. */
export interface TokenBucketConfig {
  /** How many it holds when full; it begins full. */
  readonly maxTokens: number;
  readonly tokensPerFill: number;
  /** Milliseconds. */
  readonly fillIntervalMs: number;
}

/**
 * A bucket that fills evenly: a share of each fill comes with every moment, as in Envoy since 1.32.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/type/v3/token_bucket.proto
 */
export class TokenBucket {
  readonly config: TokenBucketConfig;
  readonly #perMs: number;
  /** When it was empty, in the clock's milliseconds; it holds what has come since, up to its maximum. */
  #emptyAt: number | undefined;

  constructor(config: TokenBucketConfig) {
    this.config = config;
    this.#perMs = config.tokensPerFill / config.fillIntervalMs;
  }

  /** Tokens that come in a second. */
  get fillRate(): number {
    return this.#perMs * 1000;
  }

  /** Takes tokens; false where there are not as many. `now`: monotonic milliseconds. */
  consume(now: number, count = 1): boolean {
    const emptyAt = this.#since(now);
    const taken = emptyAt + count / this.#perMs;
    // Rounding of a share of a token must not cost a whole one.
    if (taken > now + 1e-6) return false;
    this.#emptyAt = taken;
    return true;
  }

  /** Whole tokens that are there. */
  remaining(now: number): number {
    return Math.floor((now - this.#since(now)) * this.#perMs + 1e-6);
  }

  /** Milliseconds until there is a token. */
  nextTokenMs(now: number): number {
    return Math.max(0, this.#since(now) + 1 / this.#perMs - now);
  }

  #since(now: number): number {
    const full = now - this.config.maxTokens / this.#perMs;
    return this.#emptyAt === undefined ? full : Math.max(this.#emptyAt, full);
  }
}
