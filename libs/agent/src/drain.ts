import type { Clock } from "@weft/base";
import type { Logger } from "@weft/observability";
import { HttpCallError } from "./http-client.ts";
import { type AdminCall, parseStats } from "./status/readiness.ts";

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

/** The most time that the last connections are waited for; whoever started the agent usually has less patience. */
export const maxZeroWaitMs = 3_600_000;

/** How {@link waitForZeroConnections} is bounded. */
export interface ZeroConnectionsOptions {
  readonly admin: AdminCall;
  readonly clock: Clock;
  /** Waited in any case, so that those who still have this address can open connections: MINIMUM_DRAIN_DURATION. */
  readonly minimumMs: number;
  /** Ports whose connections are the proxy's own: health and metrics. */
  readonly ownPorts: readonly number[];
  /** Ends the wait. */
  readonly early: Promise<unknown>;
}

/**
 * Resolves when no listener has a connection any more (looked at every second), when the proxy does not answer, or after
 * {@link maxZeroWaitMs}. Istio's EXIT_ON_ZERO_ACTIVE_CONNECTIONS.
 */
export async function waitForZeroConnections(options: ZeroConnectionsOptions): Promise<void> {
  const { admin, clock, minimumMs, ownPorts, early } = options;
  let ended = false;
  void early.then(() => {
    ended = true;
  });
  const deadline = clock.monotonic() + maxZeroWaitMs;
  await waitFor(clock, minimumMs, early);
  while (!ended && clock.monotonic() < deadline) {
    if ((await activeConnections(admin, ownPorts)) === 0) return;
    await waitFor(clock, 1000, early);
  }
}

/** The connections of all listeners but the proxy's own; 0 where the proxy does not answer, as then there are none. */
async function activeConnections(admin: AdminCall, ownPorts: readonly number[]): Promise<number> {
  try {
    const { body } = await admin("/stats?usedonly&filter=downstream_cx_active$");
    // Per listener, `listener.0.0.0.0_8080.downstream_cx_active`; the same connections are counted for each worker too.
    const ofListener = /^listener\.(?!admin\.)[^;]*_(\d+);?\.downstream_cx_active$/;
    let active = 0;
    for (const [name, value] of parseStats(body.toString())) {
      const port = ofListener.exec(name)?.[1];
      if (port !== undefined && !name.includes(".worker_") && !ownPorts.includes(Number(port)))
        active += value;
    }
    return active;
  } catch (error) {
    if (!(error instanceof HttpCallError)) throw error;
    return 0;
  }
}
