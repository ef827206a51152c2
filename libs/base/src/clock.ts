/** Time as a parameter, so that tests own it. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. */
  now(): number;
  /** Monotonic milliseconds with a fraction, for measuring spans. */
  monotonic(): number;
  /** Calls `fn` once after `ms`; the returned function cancels. Timers do not keep the process alive. */
  after(ms: number, fn: () => void): () => void;
}

/** The longest time that Node's timers can wait: one asked for more would run at once. About 24 days. */
const maxTimerMs = 2 ** 31 - 1;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, fn) => {
    let timer: NodeJS.Timeout;
    const wait = (left: number) => {
      timer = left > maxTimerMs ? setTimeout(wait, maxTimerMs, left - maxTimerMs) : setTimeout(fn, left);
      timer.unref();
    };
    wait(ms);
    return () => clearTimeout(timer);
  },
};

/** A clock that stands still until told: `advance(ms)` runs what has come due, in order. */
export interface FakeClock extends Clock {
  advance(ms: number): void;
}

/** Creates a {@link FakeClock} that starts at `start` milliseconds. */
export function createFakeClock(start = 0): FakeClock {
  let time = start;
  let sequence = 0;
  const due = new Map<number, { at: number; fn: () => void }>();
  const next = (limit: number) => {
    let best: number | undefined;
    for (const [id, timer] of due) {
      if (timer.at <= limit && (best === undefined || timer.at < (due.get(best)?.at ?? Infinity))) best = id;
    }
    return best;
  };
  return {
    now: () => time,
    monotonic: () => time,
    after: (ms, fn) => {
      const id = sequence++;
      due.set(id, { at: time + Math.max(0, ms), fn });
      return () => due.delete(id);
    },
    advance: (ms) => {
      const end = time + ms;
      for (let id = next(end); id !== undefined; id = next(end)) {
        const timer = due.get(id);
        due.delete(id);
        if (timer === undefined) continue;
        time = timer.at;
        timer.fn();
      }
      time = end;
    },
  };
}
