import type { Logger } from "@weft/observability";
import type { Bus } from "./bus.ts";
import { createInProcessBus } from "./in-process.ts";
import type { NatsConnectionConfig } from "./nats-connection.ts";

export type { Bus, EventHandler, Unsubscribe } from "./bus.ts";
export type { BusEvent, EventPayloads, Subject } from "./events.ts";
export { createInProcessBus } from "./in-process.ts";
export { type NatsConnectionConfig, type NatsCredentials, readNatsConnection } from "./nats-connection.ts";

/** Creates the bus over NATS where there is one (its client is imported only then), else in this process. */
export async function createBus(options: {
  readonly nats?: NatsConnectionConfig;
  readonly name: string;
  readonly logger: Logger;
}): Promise<Bus> {
  const { nats, name, logger } = options;
  if (nats === undefined) return createInProcessBus(logger);
  const { createNatsBus } = await import("./nats.ts");
  return createNatsBus({ ...nats, name, logger });
}
