/** Settings of {@link createBackoff}; all times in milliseconds. */
export interface BackoffOptions {
  /** First delay. */
  readonly initialMs: number;
  /** No delay is longer. */
  readonly maxMs: number;
  /** Growth from one delay to the next; 2 unless told. */
  readonly factor?: number;
  /** Share of the delay that is random, 0 to 1; 0.2 unless told. */
  readonly jitter?: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Delays that grow: `next()` gives the next one, `reset()` starts over. */
export interface Backoff {
  next(): number;
  reset(): void;
}

/** Creates an exponential back-off with jitter. */
export function createBackoff(options: BackoffOptions): Backoff {
  const { initialMs, maxMs, factor = 2, jitter = 0.2, random } = options;
  let current = initialMs;
  return {
    next: () => {
      const delay = current * (1 - jitter * random());
      current = Math.min(maxMs, current * factor);
      return delay;
    },
    reset: () => {
      current = initialMs;
    },
  };
}
