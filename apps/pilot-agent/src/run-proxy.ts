import { flushCompileCache } from "node:module";
import { maxZeroWaitMs, startAgent, watchParent, writeBootstrap } from "@weft/agent";
import { systemClock } from "@weft/base";
import { createShutdown, shutdownOnSignals } from "@weft/observability";
import { type ProxyFlags, readAgentOptions } from "./options.ts";

/** Over the time that the proxy may drain: what the rest of the end may take. */
const closeMs = 10_000;

/** `pilot-agent proxy`: runs until a signal, the parent's end, `/quitquitquit`, or a proxy that does not stay up (exit code 1). */
export async function runProxy(role: "sidecar" | "router", flags: ProxyFlags): Promise<void> {
  const options = await readAgentOptions(role, flags, process.env);
  if (flags.dryRun === true) {
    process.stdout.write(`${writeBootstrap(options).file}\n`);
    return;
  }
  const { logger, proxyConfig } = options;
  const agent = await startAgent(options);
  // Where NODE_COMPILE_CACHE is set: now, and not at the end, so that an agent that is killed starts again in half the time.
  flushCompileCache();
  const drainMs =
    options.exitOnZeroConnections === undefined
      ? proxyConfig.terminationDrainDurationMs
      : options.exitOnZeroConnections.minimumMs + maxZeroWaitMs;
  const timeoutMs = drainMs + closeMs;
  const shutdown = createShutdown({ logger, clock: systemClock, timeoutMs });
  shutdown.add("proxy", () => agent.drainAndStop());
  shutdownOnSignals(shutdown);
  if (flags.exitWithParent === true || process.connected === true) {
    watchParent(process, systemClock, () => {
      logger.warn("the parent process is gone, stopping");
      // Nobody waits for what is still in flight: no draining.
      void agent.close().then(() => process.exit(0));
    });
  }
  const end = await agent.ended;
  if (end.kind === "stopped") return; // by a signal or /quitquitquit, which see to the rest
  await agent.close();
  process.stderr.write(`pilot-agent: ${end.message}\n`);
  process.exit(1);
}
