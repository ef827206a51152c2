import { systemClock } from "@weft/base";
import { createBus } from "@weft/bus";
import { watchFiles } from "@weft/config-sources";
import { createPilot, type StartSource } from "@weft/discovery";
import { createShutdown, shutdownOnSignals } from "@weft/observability";
import { createTranslator } from "@weft/translation";
import { type DiscoveryFlags, readDiscoveryOptions } from "./options.ts";

/** `pilot-discovery discovery`: serves until SIGTERM or SIGINT. */
export async function runDiscovery(flags: DiscoveryFlags, version: string): Promise<void> {
  const options = await readDiscoveryOptions(flags, process.env);
  const { logger, configDirs, natsUrl, instance, shutdownMs } = options;
  const { http, grpc, monitoring, meshConfig, clusterId } = options;
  const bus = await createBus({ name: instance, logger, ...(natsUrl === undefined ? {} : { natsUrl }) });
  // One source for all folders: where two hold an object, the first counts.
  const sources: readonly StartSource[] =
    configDirs.length === 0 ? [] : [(sink) => watchFiles({ paths: configDirs, sink })];
  const pilot = await createPilot({
    sources,
    ...createTranslator(),
    bus,
    logger,
    http,
    grpc,
    monitoring,
    instance,
    version,
    meshConfig,
    clusterId,
  });
  const shutdown = createShutdown({ logger, clock: systemClock, timeoutMs: shutdownMs });
  shutdown.add("pilot", () => pilot.close());
  shutdown.add("bus", () => bus.close());
  shutdownOnSignals(shutdown);
  logger.info({ ...pilot.addresses, instance }, "listening");
  if (sources.length === 0) logger.warn("no --configDir given: the mesh is empty");
}
