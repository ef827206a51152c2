import { adminGet } from "./admin-client.ts";
import { agentPorts } from "./agent-process.ts";
import { isAppReady } from "./app-process.ts";
import { LocalMeshError } from "./errors.ts";
import { createHttpClient } from "./http-client.ts";
import { describeLog } from "./log-tail.ts";
import type { PlacedWorkload } from "./mesh-objects.ts";
import type { RunningProcess } from "./processes.ts";
import { TimeoutError, until } from "./until.ts";

/** Most time that an app or a proxy may take to be ready. */
const readyMs = 60_000;
/** A process that has ended so often while it is waited for will not stay up. */
const maxRestarts = 4;
/** Most time from there to an answer through the gateway. */
const ingressMs = 15_000;

/** Waits until an app answers. Rejects with the end of its log where it does not. */
export async function appReady(
  placed: PlacedWorkload,
  container: PlacedWorkload["containers"][number],
  app: RunningProcess,
  signal: AbortSignal | undefined,
): Promise<void> {
  const stop = new AbortController();
  const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const ready = waitFor(`${app.name} to answer`, app, () => isAppReady(placed, container), either);
  const failed = app.failed.then((cause) => {
    throw new LocalMeshError("app-failed", `${app.name} cannot be started: ${cause.message}`, { cause });
  });
  try {
    await Promise.race([ready, failed]);
  } finally {
    stop.abort();
  }
}

/** Waits until a proxy says, on its pod's IP, that it is configured. Rejects with the end of its log where it does not. */
export function proxyReady(
  podIp: string,
  agent: RunningProcess,
  signal: AbortSignal | undefined,
): Promise<void> {
  const health = `${podIp}:${agentPorts.health}`;
  return waitFor(
    `${agent.name} to be ready`,
    agent,
    () => adminGet(health, "/healthz/ready").then(() => true),
    signal,
  );
}

/** Waits until the gateway answers, and not as one that has no way to its backends yet. */
export async function ingressReady(url: string, signal: AbortSignal | undefined): Promise<void> {
  const client = createHttpClient(1);
  try {
    let seen = "no answer";
    await until(
      async () => {
        const { status } = await client.get(url);
        seen = String(status);
        return status < 500;
      },
      {
        timeoutMs: ingressMs,
        what: () => `an answer of ${url} (the last one was ${seen})`,
        ...(signal && { signal }),
      },
    );
  } finally {
    client.close();
  }
}

async function waitFor(
  what: string,
  process: RunningProcess,
  condition: () => Promise<boolean>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const crashed = () => process.restarts >= maxRestarts;
  try {
    await until(async () => crashed() || (await condition()), {
      timeoutMs: readyMs,
      what,
      everyMs: 50,
      ...(signal && { signal }),
    });
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    throw new LocalMeshError("not-ready", `${error.message}; ${describeLog(process)}`, { cause: error });
  }
  if (crashed()) {
    throw new LocalMeshError("crashes", `${process.name} ends as soon as it starts; ${describeLog(process)}`);
  }
}
