import { flushCompileCache } from "node:module";
import { formatProblem, systemClock } from "@weft/base";
import {
  BootstrapError,
  createProxy,
  type ProxyServer,
  ProxyStartError,
  parseBootstrap,
  systemResolver,
  validateBootstrap,
} from "@weft/dataplane";
import {
  createLogger,
  createShutdown,
  type Logger,
  type LogLevel,
  shutdownOnSignals,
} from "@weft/observability";
import { type Options, readBootstrapTexts } from "./options.ts";

/** Our levels by Envoy's. */
const logLevels: Readonly<Record<string, LogLevel>> = {
  trace: "debug",
  debug: "debug",
  info: "info",
  warning: "warn",
  warn: "warn",
  error: "error",
  critical: "fatal",
  off: "none",
};

/** `--mode validate`: prints whether the bootstrap can be used, and what is wrong with it; returns the exit code. */
export function validate(options: Options): number {
  const name = options.configPath ?? "--config-yaml";
  try {
    const errors = validateBootstrap(parseBootstrap(readBootstrapTexts(options))).filter(
      ({ severity }) => severity === "error",
    );
    if (errors.length === 0) {
      process.stdout.write(`configuration '${name}' OK\n`);
      return 0;
    }
    for (const problem of errors) process.stderr.write(`${name}: ${formatProblem(problem)}\n`);
  } catch (error) {
    process.stderr.write(`${name}: ${reasonOf(error)}\n`);
  }
  return 1;
}

/** Runs the proxy until it is told to stop: SIGTERM and SIGINT drain, a second signal ends at once. */
export async function run(options: Options): Promise<void> {
  const level = logLevels[options.logLevel] ?? "info";
  const logger = createLogger({ component: "proxy", level });
  for (const name of options.ignored) logger.debug({ option: `--${name}` }, "is accepted and has no effect");
  if (options.concurrency !== undefined && options.concurrency !== "1") {
    logger.info(`--concurrency ${options.concurrency}: this proxy has one worker thread`);
  }
  if (options.configPath === undefined && options.configYaml === undefined) {
    logger.warn("no bootstrap given (-c FILE): only the admin API is served");
  }
  const shutdown = createShutdown({ logger, clock: systemClock, timeoutMs: options.drainTimeMs + 5000 });
  let proxy: ProxyServer;
  try {
    proxy = createProxy({
      bootstrap: parseBootstrap(readBootstrapTexts(options)),
      clock: systemClock,
      random: Math.random,
      resolver: systemResolver,
      logger,
      ...(options.serviceNode !== undefined && { serviceNode: options.serviceNode }),
      ...(options.serviceCluster !== undefined && { serviceCluster: options.serviceCluster }),
      drainTimeMs: options.drainTimeMs,
      fileFlushIntervalMs: options.fileFlushIntervalMs,
      commandLine: options.commandLine,
      onQuit: () => void shutdown.run("/quitquitquit").then((well) => process.exit(well ? 0 : 1)),
    });
    shutdown.add("drain", () => proxy.drain());
    shutdown.add("close", () => proxy.close());
    shutdownOnSignals(shutdown);
    await proxy.start();
  } catch (error) {
    fail(error, logger);
    return;
  }
  logger.info({ startMs: Math.round(performance.now()), admin: proxy.adminAddress }, "started");
  // Where NODE_COMPILE_CACHE is set: now, and not at the end, so that a proxy that is killed starts again in half the time.
  flushCompileCache();
}

function fail(error: unknown, logger: Logger): never {
  logger.fatal(`cannot start: ${reasonOf(error)}`);
  process.exit(1);
}

function reasonOf(error: unknown): string {
  if (error instanceof BootstrapError || error instanceof ProxyStartError) return error.message;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "EACCES" || code === "EADDRINUSE") return message;
  throw error;
}
