import type { Clock } from "@weft/base";
import type { Logger } from "@weft/observability";
import { createRateLimiter } from "../rate-limit.ts";
import type { AuditLog, IssuedEntry, RefusedEntry } from "./audit-log.ts";

/** Tells the audit log and the logger what was issued and refused, and remembers the last certificates. */
export interface Recorder {
  /** Resolves when it is written; rejects where it cannot be. */
  issued(entry: Omit<IssuedEntry, "event" | "time">): Promise<void>;
  /** Never fails: the caller gets nothing anyway. */
  refused(entry: Omit<RefusedEntry, "event" | "time" | "leftOut">): void;
  /** The newest first. */
  recent(): readonly IssuedEntry[];
}

/** Certificates remembered. */
const maxRemembered = 10_000;
/** Refusals written at most: whoever has no credentials must not fill the log, and push out what was issued. */
const refusalRate = { perSecond: 10, burst: 100 };

/** Creates a recorder. */
export function createRecorder(options: {
  readonly log: AuditLog;
  readonly logger: Logger;
  readonly clock: Clock;
}): Recorder {
  const { log, logger, clock } = options;
  const limiter = createRateLimiter(refusalRate, clock);
  const issued: IssuedEntry[] = [];
  let leftOut = 0;
  return {
    issued: async (what) => {
      const entry: IssuedEntry = { event: "issued", time: clock.now(), ...what };
      await log.write(entry);
      issued.push(entry);
      if (issued.length >= 2 * maxRemembered) issued.splice(0, issued.length - maxRemembered);
      const { identity, caller, authenticator, serialNumber } = entry;
      logger.info({ identity, caller, authenticator, serialNumber }, "certificate issued");
    },
    refused: (what) => {
      if (!limiter.take("")) {
        leftOut++;
        return;
      }
      const entry: RefusedEntry = {
        event: "refused",
        time: clock.now(),
        ...what,
        ...(leftOut === 0 ? {} : { leftOut }),
      };
      leftOut = 0;
      const { reason, caller, peer } = entry;
      logger.warn(
        { reason: reason.slice(0, 1_000), caller, peer, leftOut: entry.leftOut },
        "request refused",
      );
      log.write(entry).catch((error: unknown) => logger.error({ err: error }, "audit log not written"));
    },
    recent: () => issued.slice(-maxRemembered).reverse(),
  };
}
