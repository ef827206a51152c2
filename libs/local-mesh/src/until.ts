import { setTimeout as delay } from "node:timers/promises";

/** Settings of {@link until}. */
export interface UntilOptions {
  readonly timeoutMs: number;
  /** What is waited for, for the error's message. */
  readonly what: string | (() => string);
  /** Time between two looks; 25 ms unless told. */
  readonly everyMs?: number;
  readonly signal?: AbortSignal;
}

/** Thrown by {@link until} when the time is over. */
export class TimeoutError extends Error {
  override readonly name = "TimeoutError";
}

/** Looks again and again until `condition` is truthy; resolves with what it gave. A rejection counts as not yet. */
export async function until<T>(
  condition: () => T | Promise<T>,
  { timeoutMs, what, everyMs = 25, signal }: UntilOptions,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  for (let last: unknown; ; ) {
    signal?.throwIfAborted();
    try {
      const value = await condition();
      if (value) return value as NonNullable<T>;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= deadline) {
      const name = typeof what === "string" ? what : what();
      throw new TimeoutError(`waited ${(timeoutMs / 1000).toFixed(1)} s for ${name}`, { cause: last });
    }
    await delay(everyMs);
  }
}
