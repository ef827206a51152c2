import { type Clock, createBackoff } from "@weft/base";
import type { Logger } from "@weft/observability";
import type { ProxyCommand } from "./command.ts";
import type { ProcessExit, RunningProcess, StartProcess } from "./process.ts";

/** Settings of {@link createSupervisor}. */
export interface SupervisorOptions {
  readonly command: ProxyCommand;
  readonly startProcess: StartProcess;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** Ends in a row, each soon after its start, after which it is given up; 10 unless told. */
  readonly maxCrashes?: number;
  /** A proxy that has run this long had a good start: the count begins anew. 10 s unless told. */
  readonly goodAfterMs?: number;
}

/** Keeps one proxy running. */
export interface Supervisor {
  start(): void;
  /** The running proxy's process id. */
  pid(): number | undefined;
  /** How often it was started again. */
  restarts(): number;
  /** Resolves when no proxy will run any more: `stopped` by {@link stop}, or `gave-up` with what to tell people. */
  readonly ended: Promise<
    { readonly kind: "stopped" } | { readonly kind: "gave-up"; readonly message: string }
  >;
  /** Ends the proxy: SIGTERM, and SIGKILL after `graceMs`. Idempotent. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Creates a {@link Supervisor}. A proxy that ends is started again: at once the first time, then after 100 ms, growing to 5 s, so that
 * one that was killed is back soon and one that cannot start does not burn the machine.
 */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { command, startProcess, clock, random, logger, maxCrashes = 10, goodAfterMs = 10_000 } = options;
  const backoff = createBackoff({ initialMs: 100, maxMs: 5_000, random });
  let current: RunningProcess | undefined;
  let starts = 0;
  let crashes = 0;
  let stopping = false;
  let cancelRestart = () => {};
  let end: (how: Awaited<Supervisor["ended"]>) => void = () => {};
  const ended = new Promise<Awaited<Supervisor["ended"]>>((resolve) => {
    end = resolve;
  });

  const launch = () => {
    const startedAt = clock.monotonic();
    const proxy = startProcess(command);
    current = proxy;
    starts++;
    logger.info({ proxy: command.name, pid: proxy.pid, start: starts }, "proxy started");
    void proxy.exited.then((exit) => {
      current = undefined;
      if (stopping) return end({ kind: "stopped" });
      onExit(exit, clock.monotonic() - startedAt);
    });
  };

  const onExit = (exit: ProcessExit, ranMs: number) => {
    if (ranMs >= goodAfterMs) {
      crashes = 0;
      backoff.reset();
    }
    crashes++;
    const how = describeExit(exit);
    if (crashes >= maxCrashes) {
      const message =
        `the ${command.name} proxy ended ${crashes} times in a row, each within ${goodAfterMs / 1000} s of its start ` +
        `(last: ${how}); its own messages stand above; command: ${command.file} ${command.args.join(" ")}`;
      logger.error(message);
      return end({ kind: "gave-up", message });
    }
    const delayMs = crashes === 1 ? 0 : backoff.next();
    logger.warn({ how, ranMs: Math.round(ranMs), restartInMs: Math.round(delayMs) }, "proxy ended");
    cancelRestart = clock.after(delayMs, launch);
  };

  return {
    start: launch,
    pid: () => current?.pid,
    restarts: () => Math.max(0, starts - 1),
    ended,
    stop: async (graceMs) => {
      if (!stopping) {
        stopping = true;
        cancelRestart();
        if (current === undefined) end({ kind: "stopped" });
        const proxy = current;
        proxy?.kill("SIGTERM");
        const cancelKill = clock.after(graceMs, () => proxy?.kill("SIGKILL"));
        void ended.then(cancelKill);
      }
      await ended;
    },
  };
}

/** `exit code 1`, `signal SIGKILL`, or why it could not be started. */
function describeExit(exit: ProcessExit): string {
  if (exit.error !== undefined) return exit.error.message;
  return exit.signal === null ? `exit code ${exit.code}` : `signal ${exit.signal}`;
}
