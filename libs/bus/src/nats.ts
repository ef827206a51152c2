import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { connect, type Msg, type NatsConnection } from "@nats-io/transport-node";
import type { Logger } from "@weft/observability";
import type { Bus } from "./bus.ts";
import { createDelivery, type Delivery } from "./delivery.ts";
import { type BusEvent, type Subject, schemas } from "./events.ts";
import { type NatsConnectionConfig, redactUrl, toConnectionOptions } from "./nats-connection.ts";
import { compilePattern } from "./pattern.ts";

/** Settings of {@link createNatsBus}. */
export interface NatsBusOptions extends NatsConnectionConfig {
  /** Name of the connection, for NATS' own monitoring. */
  readonly name: string;
  readonly logger: Logger;
  /** Longest time that the first connection may take; 10,000 ms unless told. */
  readonly timeoutMs?: number;
}

/** NATS could not be reached, or does not take who one is; the message says which, in one line. */
export class NatsError extends Error {
  readonly code = "nats-unavailable";
}

/**
 * Creates a bus over NATS (core, no JetStream: events are hints). Reconnects by itself for ever, with the files of now; what is published meanwhile is lost.
 * Throws a {@link NatsError} where the first connection fails.
 */
export async function createNatsBus(options: NatsBusOptions): Promise<Bus> {
  const { url, name, logger, timeoutMs = 10_000 } = options;
  const connection: NatsConnection = await connect({
    ...(await toConnectionOptions(options)),
    name,
    timeout: timeoutMs,
    maxReconnectAttempts: -1,
    // Credentials may be exchanged while this runs: one that is refused now may be good later.
    ignoreAuthErrorAbort: true,
  }).catch((cause: unknown) => {
    throw new NatsError(`cannot connect to NATS at ${redactUrl(url)}: ${whyNot(cause, options)}`, { cause });
  });
  void logStatus(connection, logger);
  const deliveries = new Set<Delivery>();
  let closed: Promise<void> | undefined;
  return {
    publish: (event) => {
      if (closed !== undefined) return;
      try {
        connection.publish(event.subject, toBinary(schemas[event.subject], event.payload));
      } catch (error) {
        // A hint may be lost: its receivers fetch the state at their next look.
        logger.warn({ err: error, subject: event.subject }, "event not sent");
      }
    },
    subscribe: (pattern, handler) => {
      compilePattern(pattern); // the same error for a malformed pattern as in process
      const delivery = createDelivery(pattern, handler, logger);
      deliveries.add(delivery);
      const subscription = connection.subscribe(pattern, {
        callback: (error, message) => {
          if (error !== null) return logger.warn({ err: error, pattern }, "NATS refused the subscription");
          const event = decode(message, logger);
          if (event !== undefined) delivery.push(event);
        },
      });
      return () => {
        subscription.unsubscribe();
        delivery.stop();
        deliveries.delete(delivery);
      };
    },
    close: () => {
      closed ??= connection.drain().then(async () => {
        await Promise.all([...deliveries].map((delivery) => delivery.idle()));
        deliveries.clear();
      });
      return closed;
    },
  };
}

/** What a failed connection means, and what to look at. */
function whyNot(cause: unknown, { caFile, credentials }: NatsConnectionConfig): string {
  const { message = String(cause), code = "" } = (cause ?? {}) as { message?: string; code?: string };
  const line = message.replace(/\s+/g, " ").slice(0, 300);
  if (/authorization violation/i.test(message)) {
    const shown =
      credentials === undefined ? "it asks for credentials" : `it refuses the ${names[credentials.kind]}`;
    return `${shown} (NATS_CREDS, NATS_NKEY, NATS_USER)`;
  }
  if (/CERT|ISSUER|SELF_SIGNED|ALTNAME|VERIFY/.test(code)) {
    return `its certificate is not good by ${caFile ?? "the machine's authorities"} (NATS_CA_FILE): ${line}`;
  }
  return line;
}

const names = {
  creds: "credentials of NATS_CREDS",
  nkey: "key of NATS_NKEY",
  password: "user or password",
} as const;

function decode(message: Msg, logger: Logger): BusEvent | undefined {
  const schema = schemas[message.subject as Subject]; // undefined for subjects that are not ours
  if (schema === undefined) return undefined; // another version's event: not for us
  try {
    return { subject: message.subject, payload: fromBinary(schema, message.data) } as BusEvent; // by the schema of its subject
  } catch (error) {
    logger.warn({ err: error, subject: message.subject }, "event could not be read");
    return undefined;
  }
}

async function logStatus(connection: NatsConnection, logger: Logger): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === "disconnect") logger.warn("NATS connection lost, reconnecting");
    if (status.type === "reconnect") logger.info("NATS connection is back");
  }
}
