import type { Clock } from "./clock.ts";

/** How late a call may be after the machine has slept. */
const maxSleepMs = 60_000;

/**
 * Calls `fn` once when the wall clock reaches `time`, milliseconds since the epoch; the returned function cancels. Timers stand still while
 * a machine sleeps, and certificates grow old meanwhile: so the clock is looked at each minute.
 */
export function callAt(clock: Clock, time: number, fn: () => void): () => void {
  let cancel = () => {};
  const look = () => {
    const left = Math.max(0, time - clock.now());
    cancel = left > maxSleepMs ? clock.after(maxSleepMs, look) : clock.after(left, fn);
  };
  look();
  return () => cancel();
}
