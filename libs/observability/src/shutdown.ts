import type { Clock } from "@weft/base";
import type { Logger } from "./logger.ts";

/** Settings of {@link createShutdown}. */
export interface ShutdownOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  /** Most time for all steps together, milliseconds; what is left is then given up. */
  readonly timeoutMs: number;
}

/** Closes the parts of a process in order, within a time. */
export interface Shutdown {
  /** Adds a step; steps run in the order they were added, each after the one before. */
  add(name: string, close: () => Promise<void> | void): void;
  /** Runs the steps once; later calls give the same result. True where every step ended well and in time. */
  run(reason: string): Promise<boolean>;
}

/** Creates a {@link Shutdown} with no steps. A step that throws is logged, and the next one still runs. */
export function createShutdown(options: ShutdownOptions): Shutdown {
  const { logger, clock, timeoutMs } = options;
  const steps: { name: string; close: () => Promise<void> | void }[] = [];
  let running: Promise<boolean> | undefined;
  const runSteps = async (state: { current: string }) => {
    let well = true;
    for (const { name, close } of steps) {
      state.current = name;
      try {
        await close();
      } catch (error) {
        well = false;
        logger.error({ err: error, step: name }, "shutdown step failed");
      }
    }
    return well;
  };
  return {
    add: (name, close) => {
      steps.push({ name, close });
    },
    run: (reason) => {
      running ??= new Promise((resolve) => {
        logger.info({ reason }, "shutting down");
        const state = { current: "" };
        const cancel = clock.after(timeoutMs, () => {
          logger.error({ step: state.current, timeoutMs }, "shutdown took too long, giving up");
          resolve(false);
        });
        void runSteps(state).then((well) => {
          cancel();
          resolve(well);
        });
      });
      return running;
    },
  };
}

/**
 * Runs the shutdown on SIGTERM or SIGINT and then ends the process: 0 where all closed well, else 1. A second signal ends it at once
 * with 128 + the signal's number. The returned function takes the handlers off again.
 */
export function shutdownOnSignals(shutdown: Shutdown, target: NodeJS.Process = process): () => void {
  const numbers = { SIGTERM: 15, SIGINT: 2 } as const;
  let asked = false;
  const handlers = (["SIGTERM", "SIGINT"] as const).map((signal) => {
    const handler = () => {
      if (asked) target.exit(128 + numbers[signal]);
      asked = true;
      void shutdown.run(signal).then((well) => target.exit(well ? 0 : 1));
    };
    target.on(signal, handler);
    return () => target.off(signal, handler);
  });
  return () => {
    for (const off of handlers) off();
  };
}
