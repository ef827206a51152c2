import type { Logger } from "@weft/observability";
import type { Bus } from "./bus.ts";
import { createDelivery, type Delivery } from "./delivery.ts";
import { compilePattern } from "./pattern.ts";

/** Creates a bus within this process. Payloads are handed over as they are: treat them as read-only. */
export function createInProcessBus(logger: Logger): Bus {
  const subscriptions = new Set<{ matches: (subject: string) => boolean; delivery: Delivery }>();
  let closed: Promise<void> | undefined;
  return {
    publish: (event) => {
      if (closed !== undefined) return;
      for (const { matches, delivery } of subscriptions) if (matches(event.subject)) delivery.push(event);
    },
    subscribe: (pattern, handler) => {
      const subscription = {
        matches: compilePattern(pattern),
        delivery: createDelivery(pattern, handler, logger),
      };
      subscriptions.add(subscription);
      return () => {
        subscription.delivery.stop();
        subscriptions.delete(subscription);
      };
    },
    close: () => {
      closed ??= Promise.all([...subscriptions].map(({ delivery }) => delivery.idle())).then(() => {
        for (const { delivery } of subscriptions) delivery.stop();
        subscriptions.clear();
      });
      return closed;
    },
  };
}
