import { systemClock } from "@weft/base";
import { createBus } from "@weft/bus";
import { watchFiles, watchKubernetes } from "@weft/config-sources";
import { createPilot, type PilotOptions, type StartSource } from "@weft/discovery";
import { type Authenticator, createOidcAuthenticator, createTokenReviewAuthenticator } from "@weft/identity";
import { checkCredentials, connectKubernetes, type KubeApi } from "@weft/kubernetes";
import { createShutdown, shutdownOnSignals } from "@weft/observability";
import { createTranslator } from "@weft/translation";
import { type DiscoveryFlags, type DiscoveryOptions, readDiscoveryOptions } from "./options.ts";

/** `pilot-discovery discovery`: serves until SIGTERM or SIGINT. */
export async function runDiscovery(flags: DiscoveryFlags, version: string): Promise<void> {
  const options = await readDiscoveryOptions(flags, process.env);
  const { logger, nats, instance, shutdownMs } = options;
  const { http, grpc, monitoring, meshConfig, clusterId, jwks } = options;
  const bus = await createBus({ name: instance, logger, ...(nats === undefined ? {} : { nats }) });
  const api = await connectCluster(options);
  const sources = sourcesOf(options, api);
  const secure = await secureChannelOf(options, api);
  const pilot = await createPilot({
    sources,
    ...createTranslator(),
    bus,
    logger,
    http,
    grpc,
    ...(secure && { secure }),
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
  if (secure === undefined) {
    logger.info("no CA_ADDR, mounted certificates or --tlsCertFile: xDS is served in plain text only");
  }
  if (sources.length === 0) logger.warn("neither --configDir nor --kubeconfig given: the mesh is empty");
}

/** The cluster that is read. Throws where its kubeconfig cannot be used. */
async function connectCluster({ kubernetes }: DiscoveryOptions): Promise<KubeApi | undefined> {
  if (kubernetes === undefined) return undefined;
  const api = await connectKubernetes(kubernetes);
  await checkCredentials(api);
  return api;
}

/** One source for all folders, where of two objects of a name the first counts, and one for the cluster. */
function sourcesOf({ configDirs }: DiscoveryOptions, api: KubeApi | undefined): readonly StartSource[] {
  const sources: StartSource[] = [];
  if (configDirs.length > 0) sources.push((sink) => watchFiles({ paths: configDirs, sink }));
  if (api !== undefined) sources.push((sink) => watchKubernetes({ api, sink }));
  return sources;
}

/** How clients show who they are: besides certificates by tokens that the cluster, or an issuer that is named, has made. */
async function secureChannelOf(
  { secure, meshConfig: { trustDomain } }: DiscoveryOptions,
  api: KubeApi | undefined,
): Promise<PilotOptions["secure"]> {
  if (secure === undefined) return undefined;
  const { grpc, secrets, audiences, oidc } = secure;
  const clock = systemClock;
  const authenticators: Authenticator[] = [];
  if (api !== undefined) {
    const { reviewTokens } = await import("@weft/ca");
    const review = reviewTokens(api);
    authenticators.push(createTokenReviewAuthenticator({ review, audiences, trustDomain, clock }));
  }
  if (oidc !== undefined) {
    const { issuer, jwksUrl: url } = oidc;
    const keys = { kind: "url", url } as const;
    authenticators.push(await createOidcAuthenticator({ issuer, audiences, trustDomain, clock, keys }));
  }
  return { grpc, secrets, authenticators };
}
