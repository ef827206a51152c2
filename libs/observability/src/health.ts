import type { EndpointRoute } from "./http-endpoint.ts";

/** What must hold before a process says that it is ready. */
export interface Health {
  /** Names one more thing to wait for; the returned function sets whether it holds (false until called). */
  condition(name: string): (holds: boolean) => void;
  /** The conditions that do not hold, in the order they were named; empty when ready. */
  waitingFor(): readonly string[];
}

/** Creates a {@link Health} that is ready when all of its conditions hold. */
export function createHealth(): Health {
  const conditions = new Map<string, boolean>();
  return {
    condition: (name) => {
      conditions.set(name, false);
      return (holds) => {
        conditions.set(name, holds);
      };
    },
    waitingFor: () => [...conditions].filter(([, holds]) => !holds).map(([name]) => name),
  };
}

/** A route that answers 200 when ready, else 503 with what is waited for. */
export function readyRoute(health: Health, path = "/ready"): EndpointRoute {
  return {
    path,
    help: "200 when ready, else 503 and what is missing",
    handle: () => {
      const waiting = health.waitingFor();
      if (waiting.length === 0) return { body: "ready\n" };
      return { status: 503, body: `not ready: waiting for ${waiting.join(", ")}\n` };
    },
  };
}
