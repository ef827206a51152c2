import type { Logger } from "@weft/observability";
import { type EventHandler, maxPending } from "./bus.ts";
import type { BusEvent } from "./events.ts";

/** Hands events to one handler, in order and one at a time. */
export interface Delivery {
  push(event: BusEvent): void;
  /** Resolves when nothing waits. */
  idle(): Promise<void>;
  /** Forgets what waits, takes nothing more. */
  stop(): void;
}

/** Creates a {@link Delivery}; holds at most {@link maxPending} events and drops the oldest beyond. */
export function createDelivery(pattern: string, handler: EventHandler, logger: Logger): Delivery {
  const waiting: BusEvent[] = [];
  let running: Promise<void> | undefined;
  let stopped = false;
  let dropped = 0;
  const run = async () => {
    // Not within publish: the caller has its own work to finish first.
    await Promise.resolve();
    for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) {
      try {
        await handler(event);
      } catch (error) {
        logger.error({ err: error, subject: event.subject, pattern }, "event handler failed");
      }
    }
    running = undefined;
  };
  return {
    push: (event) => {
      if (stopped) return;
      if (waiting.length >= maxPending) {
        waiting.shift();
        dropped++;
        if (dropped === 1)
          logger.warn({ pattern, maxPending }, "events come faster than they are handled, dropping");
      }
      waiting.push(event);
      running ??= run();
    },
    idle: () => running ?? Promise.resolve(),
    stop: () => {
      stopped = true;
      waiting.length = 0;
    },
  };
}
