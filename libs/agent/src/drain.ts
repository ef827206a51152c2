import type { Clock } from "@weft/base";
import type { Logger } from "@weft/observability";
import { HttpCallError } from "./http-client.ts";
import type { AdminCall } from "./status/readiness.ts";

/**
 * Tells the proxy to drain: a sidecar its inbound listeners alone, since the application still finishes its own calls; a gateway all.
 * https://www.envoyproxy.io/docs/envoy/latest/operations/admin#post--drain_listeners
 */
export async function drainListeners(
  admin: AdminCall,
  role: "sidecar" | "router",
  logger: Logger,
): Promise<void> {
  const query = role === "sidecar" ? "inboundonly&graceful&skip_exit" : "graceful&skip_exit";
  try {
    const answer = await admin(`/drain_listeners?${query}`, "POST");
    if (answer.status !== 200) logger.warn({ status: answer.status }, "the proxy refused to drain");
  } catch (error) {
    if (!(error instanceof HttpCallError)) throw error;
    logger.warn({ err: error }, "the proxy could not be told to drain");
  }
}

/** Resolves after `ms`, or as soon as `early` does. */
export function waitFor(clock: Clock, ms: number, early: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, resolve);
    void early.then(() => {
      cancel();
      resolve();
    });
  });
}
