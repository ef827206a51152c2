import type { Logger } from "@weft/observability";
import type { Bus } from "./bus.ts";
import { createInProcessBus } from "./in-process.ts";

export type { Bus, EventHandler, Unsubscribe } from "./bus.ts";
export type { BusEvent, EventPayloads, Subject } from "./events.ts";
export { createInProcessBus } from "./in-process.ts";

/** Creates the bus over NATS where there is a URL (its client is imported only then), else in this process. */
export async function createBus(options: {
  readonly natsUrl?: string;
  readonly name: string;
  readonly logger: Logger;
}): Promise<Bus> {
  const { natsUrl, name, logger } = options;
  if (natsUrl === undefined) return createInProcessBus(logger);
  const { createNatsBus } = await import("./nats.ts");
  return createNatsBus({ url: natsUrl, name, logger });
}
