import { systemClock } from "@weft/base";
import { createBus } from "@weft/bus";
import { watchFiles, watchKubernetes } from "@weft/config-sources";
import { createPilot, type StartSource } from "@weft/discovery";
import { checkCredentials, connectKubernetes } from "@weft/kubernetes";
import { createShutdown, shutdownOnSignals } from "@weft/observability";
import { createTranslator } from "@weft/translation";
import { type DiscoveryFlags, type DiscoveryOptions, readDiscoveryOptions } from "./options.ts";

/** `pilot-discovery discovery`: serves until SIGTERM or SIGINT. */
export async function runDiscovery(flags: DiscoveryFlags, version: string): Promise<void> {
  const options = await readDiscoveryOptions(flags, process.env);
  const { logger, natsUrl, instance, shutdownMs } = options;
  const { http, grpc, monitoring, meshConfig, clusterId, jwks } = options;
  const bus = await createBus({ name: instance, logger, ...(natsUrl === undefined ? {} : { natsUrl }) });
  const sources = await startSources(options);
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
    jwks,
  });
  const shutdown = createShutdown({ logger, clock: systemClock, timeoutMs: shutdownMs });
  shutdown.add("pilot", () => pilot.close());
  shutdown.add("bus", () => bus.close());
  shutdownOnSignals(shutdown);
  logger.info({ ...pilot.addresses, instance }, "listening");
  if (sources.length === 0) logger.warn("neither --configDir nor --kubeconfig given: the mesh is empty");
}

/** One source for all folders, where of two objects of a name the first counts, and one for the cluster. */
async function startSources({ configDirs, kubernetes }: DiscoveryOptions): Promise<readonly StartSource[]> {
  const sources: StartSource[] = [];
  if (configDirs.length > 0) sources.push((sink) => watchFiles({ paths: configDirs, sink }));
  if (kubernetes !== undefined) {
    const api = await connectKubernetes(kubernetes);
    await checkCredentials(api);
    sources.push((sink) => watchKubernetes({ api, sink }));
  }
  return sources;
}
