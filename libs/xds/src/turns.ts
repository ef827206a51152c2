import type { Clock } from "@weft/base";

/** Settings of {@link createTurns}. */
export interface TurnsOptions {
  readonly clock: Clock;
  /** Gives the event loop back and calls `next` soon; setImmediate unless told. */
  readonly yieldTo?: (next: () => void) => void;
  /** Streams take turns without a break for so long; 5 ms unless told. */
  readonly budgetMs?: number;
  /** Bytes that may be on their way at a time; 24 MiB unless told. A response that is larger goes alone. */
  readonly maxInFlight?: number;
  /** A client that takes longer for a response holds others up no more; 500 ms unless told. */
  readonly slowMs?: number;
}

/** Who sends next. */
export interface Turns {
  /** Calls `send` when it is its turn; asked again before that, it keeps its place. */
  ask(send: () => void): void;
  /** Says that bytes are on their way; the function returned, that they have left. */
  started(bytes: number): () => void;
}

/**
 * Creates {@link Turns}: a push to all proxies is as many copies of large responses. They are made one after the other, as fast as they
 * leave, so that neither memory nor the time for which the event loop is held grows with the number of proxies.
 * What waits is bounded by the number of streams.
 */
export function createTurns(options: TurnsOptions): Turns {
  const { clock, yieldTo = (next) => void setImmediate(next) } = options;
  const { budgetMs = 5, maxInFlight = 24 << 20, slowMs = 500 } = options;
  const waiting = new Set<() => void>();
  let inFlight = 0;
  let scheduled = false;

  const run = () => {
    scheduled = false;
    const start = clock.monotonic();
    for (const send of waiting) {
      if (inFlight >= maxInFlight) return;
      waiting.delete(send);
      send();
      if (clock.monotonic() - start >= budgetMs) break;
    }
    schedule();
  };
  const schedule = () => {
    if (scheduled || waiting.size === 0 || inFlight >= maxInFlight) return;
    scheduled = true;
    yieldTo(run);
  };
  return {
    ask: (send) => {
      waiting.add(send);
      schedule();
    },
    started: (bytes) => {
      inFlight += bytes;
      let left = false;
      const leave = () => {
        if (left) return;
        left = true;
        cancel();
        inFlight -= bytes;
        schedule();
      };
      const cancel = clock.after(slowMs, leave);
      return leave;
    },
  };
}
