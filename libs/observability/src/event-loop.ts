import { monitorEventLoopDelay } from "node:perf_hooks";

/** How long the event loop was held, in milliseconds, since the last `reset`. */
export interface EventLoopWatch {
  maxMs(): number;
  p99Ms(): number;
  reset(): void;
  close(): void;
}

/** Measures how long the event loop is held; resolution 5 ms. Costs one timer. */
export function watchEventLoop(): EventLoopWatch {
  const resolution = 5;
  const delays = monitorEventLoopDelay({ resolution });
  delays.enable();
  // The histogram holds the time between two ticks of its timer: what is over the timer's own period is the delay.
  const held = (nanos: number) => Math.max(0, nanos / 1e6 - resolution);
  return {
    maxMs: () => (delays.count === 0 ? 0 : held(delays.max)),
    p99Ms: () => (delays.count === 0 ? 0 : held(delays.percentile(99))),
    reset: () => delays.reset(),
    close: () => delays.disable(),
  };
}
