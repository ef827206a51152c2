import type { Clock } from "@weft/base";

/** Times of {@link createDebounce}, in milliseconds. */
export interface DebounceTimes {
  /** A change that comes alone waits this long, for what belongs to it (the objects of one file); 10. */
  readonly aloneMs: number;
  /** In a storm: how long it must have been quiet; 100, Istio's PILOT_DEBOUNCE_AFTER. */
  readonly quietMs: number;
  /** In a storm: the longest wait; 10,000, Istio's PILOT_DEBOUNCE_MAX. */
  readonly maxMs: number;
}

/** Istio's times, and 10 ms for a lone change. */
export const defaultDebounceTimes: DebounceTimes = { aloneMs: 10, quietMs: 100, maxMs: 10_000 };

/** Gathers changes by need. */
export interface Debounce {
  /** A change of configuration: waits as the times say. */
  change(): void;
  /** A change of endpoints: does not wait, not even for changes of configuration that do. */
  endpoints(): void;
  /** Forgets what waits. */
  close(): void;
}

/** What was gathered. */
export interface Gathered {
  readonly of: "all" | "endpoints";
  readonly changes: number;
  /** From the first change to now, milliseconds. */
  readonly waitedMs: number;
  /** Monotonic time of the first change. */
  readonly since: number;
}

/**
 * Creates a {@link Debounce} that calls `run` with what was gathered. A change is alone when there was none in the `quietMs` before it;
 * all others are part of a storm, and wait until it has been quiet for `quietMs`, at most `maxMs`.
 */
export function createDebounce(
  clock: Clock,
  run: (gathered: Gathered) => void,
  times: DebounceTimes = defaultDebounceTimes,
): Debounce {
  let first: number | undefined;
  let last = Number.NEGATIVE_INFINITY;
  let changes = 0;
  let storm = false;
  let cancel = () => {};
  let endpoints = { changes: 0, since: 0, cancel: () => {} };

  const fire = () => {
    if (first === undefined) return;
    const gathered = { of: "all" as const, changes, waitedMs: clock.monotonic() - first, since: first };
    cancel();
    first = undefined;
    changes = 0;
    run(gathered);
  };
  const fireEndpoints = () => {
    const { changes: count, since } = endpoints;
    endpoints = { changes: 0, since: 0, cancel: () => {} };
    run({ of: "endpoints", changes: count, waitedMs: clock.monotonic() - since, since });
  };
  const schedule = (ms: number) => {
    cancel();
    cancel = clock.after(Math.max(0, ms), fire);
  };
  const note = () => {
    const now = clock.monotonic();
    const begins = first === undefined;
    first ??= now;
    changes++;
    const sinceLast = now - last;
    last = now;
    return { now, begins, sinceLast };
  };
  return {
    change: () => {
      const { now, begins, sinceLast } = note();
      if (begins) storm = sinceLast < times.quietMs;
      const waited = now - (first ?? now);
      if (storm) schedule(Math.min(times.quietMs, times.maxMs - waited));
      else if (begins) schedule(times.aloneMs);
    },
    endpoints: () => {
      // What comes in the same turn of the event loop goes together.
      if (endpoints.changes === 0)
        endpoints = { changes: 0, since: clock.monotonic(), cancel: clock.after(0, fireEndpoints) };
      endpoints.changes++;
    },
    close: () => {
      cancel();
      endpoints.cancel();
      first = undefined;
    },
  };
}
