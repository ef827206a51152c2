import type { BusEvent } from "./events.ts";

/** Takes an event. Handlers of one subscription run one after another, in the order of the events. */
export type EventHandler = (event: BusEvent) => void | Promise<void>;

/** Ends a subscription; idempotent. */
export type Unsubscribe = () => void;

/**
 * Carries events between Weft's services. **An event is a hint; state is always fetched from its owner**: delivery is at most once,
 * an event may be lost or come late, and nobody may depend on having seen all of them.
 */
export interface Bus {
  /** Sends the event to whoever subscribes now. Does not wait, does not fail. */
  publish(event: BusEvent): void;
  /**
   * Calls the handler, never within `publish`, for events whose subject matches: tokens apart by dots, `*` is any one token,
   * `>` at the end is one or more. An error of the handler is logged.
   */
  subscribe(pattern: string, handler: EventHandler): Unsubscribe;
  /** Ends all subscriptions, after what was published has been handed over. Idempotent. */
  close(): Promise<void>;
}

/** Events that wait for one subscription's handler; beyond it the oldest is dropped. */
export const maxPending = 1024;
