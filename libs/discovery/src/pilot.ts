import { type Clock, systemClock } from "@weft/base";
import type { Bus } from "@weft/bus";
import type { ConfigSource, EventSink } from "@weft/config-sources";
import { kubernetesDerivations } from "@weft/gateway-api";
import { defaultMeshConfig, type MeshConfig } from "@weft/istio-api";
import { createStore, type MeshSnapshot } from "@weft/mesh-model";
import {
  createHealth,
  createHttpEndpoint,
  type Health,
  type HttpEndpoint,
  type Logger,
  metricsContentType,
  readyRoute,
  watchEventLoop,
} from "@weft/observability";
import { createXdsServer, type XdsServer } from "@weft/xds";
import { createBusBridge } from "./bus-bridge.ts";
import { debugRoutes } from "./debug/routes.ts";
import {
  createEngine,
  type Engine,
  type Translate,
  type TranslateInSteps,
  type WithEndpoints,
} from "./engine.ts";
import { createJwksResolver, type FetchOptions, fetchDocument, wantedKeySets } from "./jwks/index.ts";
import { createPilotMetrics } from "./metrics.ts";
import type { DebounceTimes } from "./push/debounce.ts";
import {
  openSecureChannel,
  type SecureChannel,
  type SecureChannelConfig,
  trustRoute,
} from "./secure/index.ts";
import { logXdsEvent } from "./xds-log.ts";

/** `host:port`; port 0 takes a free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Starts a source that tells what it has to the sink: `(sink) => watchFiles({ … })`. */
export type StartSource = (sink: EventSink) => ConfigSource;

/** Settings of {@link createPilot}. */
export interface PilotOptions {
  readonly sources: readonly StartSource[];
  readonly translate: Translate;
  /** See {@link EngineOptions.translateInSteps}. */
  readonly translateInSteps?: TranslateInSteps;
  /** See {@link EngineOptions.withEndpoints}. */
  readonly withEndpoints?: WithEndpoints;
  readonly bus: Bus;
  readonly logger: Logger;
  /** `/ready` and `/debug`; Istio's 8080 */
  readonly http: ListenAddress;
  /** xDS; Istio's 15010 */
  readonly grpc: ListenAddress;
  /** xDS with TLS, for clients that say who they are; Istio's 15012. Without it there is none. */
  readonly secure?: SecureChannelConfig & { readonly grpc: ListenAddress };
  /** `/metrics`; Istio's 15014 */
  readonly monitoring: ListenAddress;
  /** Name of this instance, which proxies and `proxy-status` show. */
  readonly instance: string;
  readonly version: string;
  readonly meshConfig?: MeshConfig;
  /** `Kubernetes` unless told. */
  readonly clusterId?: string;
  readonly debounce?: DebounceTimes;
  /** How the keys of RequestAuthentications are fetched: how often (20 minutes), whom to trust, and what never to connect to. */
  readonly jwks?: Pick<FetchOptions, "authorities" | "blocked"> & { readonly refreshMs?: number };
  readonly clock?: Clock;
}

/** A running pilot-discovery. */
export interface Pilot {
  /** Where it listens, as `host:port`. */
  readonly addresses: {
    readonly http: string;
    readonly grpc: string;
    readonly monitoring: string;
    /** Where {@link PilotOptions.secure} is given. */
    readonly secureGrpc?: string;
  };
  readonly health: Health;
  readonly engine: Engine;
  snapshot(): MeshSnapshot | undefined;
  /** Stops being ready, ends the streams (proxies go to another pilot, or wait), and closes everything. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts pilot-discovery in this process: it listens at once, and is ready when all sources have told what they have.
 * Throws where an address cannot be bound, or a source cannot start; nothing is left running then.
 */
export async function createPilot(options: PilotOptions): Promise<Pilot> {
  const { sources, translate, bus, logger, instance, version, clock = systemClock } = options;
  const health = createHealth();
  const store = createStore({
    ...(options.meshConfig === undefined ? {} : { meshConfig: options.meshConfig }),
    ...(options.clusterId === undefined ? {} : { clusterId: options.clusterId }),
    derivations: kubernetesDerivations,
  });
  const setSnapshot = health.condition("a snapshot of the mesh");
  const eventLoop = watchEventLoop();
  const bridge = createBusBridge(bus, instance, clock);
  const metrics = await createPilotMetrics({
    version,
    clock,
    eventLoop,
    engine: () => engine,
    cache: () => xds.cache,
  });
  const engine: Engine = createEngine({
    store,
    translate,
    ...(options.translateInSteps === undefined ? {} : { translateInSteps: options.translateInSteps }),
    ...(options.withEndpoints === undefined ? {} : { withEndpoints: options.withEndpoints }),
    clock,
    logger,
    ...(options.debounce === undefined ? {} : { debounce: options.debounce }),
    observer: {
      ...metrics.observer,
      onSnapshot: (snapshot, buildMs) => {
        setSnapshot(true);
        metrics.observer.onSnapshot(snapshot, buildMs);
        bridge.onSnapshot(snapshot);
        jwks.want(wantedKeySets(snapshot));
        logger.info(
          {
            version: snapshot.version,
            services: snapshot.services.all.length,
            proxies: engine.proxies.all.size,
            buildMs: Math.round(buildMs * 10) / 10,
          },
          "pushing a new snapshot",
        );
      },
    },
  });
  const { refreshMs, ...trust } = options.jwks ?? {};
  const jwks = createJwksResolver({
    sink: engine.apply,
    fetch: (url, limits) => fetchDocument(url, { ...trust, ...limits }),
    clock,
    logger,
    onFetch: metrics.onJwksFetch,
    ...(refreshMs === undefined ? {} : { refreshMs }),
  });
  const secure = openSecure(options, { health, clock, meshConfig: () => engine.snapshot()?.meshConfig });
  const offRoots = bus.subscribe("weft.pki.v1.root_bundle_changed", () => secure?.refresh());
  const xds = createXdsServer({
    ...(secure && { authenticate: secure.authenticate, admit: secure.admit }),
    controlPlane: instance,
    clock,
    onConnect: engine.connect,
    onEvent: (event) => {
      metrics.onXdsEvent(event, engine);
      if (event.kind === "acked" || event.kind === "nacked") engine.answered(event.connection);
      bridge.onXdsEvent(event);
      logXdsEvent(event, logger, engine.proxies);
    },
  });

  const opened: (() => Promise<unknown> | unknown)[] = [];
  const close = async () => {
    jwks.close();
    offRoots();
    secure?.close();
    engine.close();
    // The newest first: what was opened last depends on what was opened before.
    for (const end of opened.splice(0).reverse()) await end();
    eventLoop.close();
    await metrics.close();
  };
  try {
    const { http, grpc, monitoring } = options;
    opened.push(() => xds.close());
    const grpcPort = await listenXds(xds, grpc);
    const secureGrpc = options.secure &&
      secure && { ...options.secure.grpc, credentials: secure.credentials };
    const securePort = secureGrpc && (await listenXds(xds, secureGrpc));
    const metricsRoute = {
      path: "/metrics",
      handle: async () => ({ body: await metrics.text(), contentType: metricsContentType }),
    };
    const trustRoutes = secure ? [trustRoute({ proxies: engine.proxies, channel: secure, instance })] : [];
    const httpServer = await open(opened, {
      ...http,
      logger,
      routes: [
        readyRoute(health),
        metricsRoute,
        ...debugRoutes({ engine, store, xds, instance }),
        ...trustRoutes,
      ],
    });
    const monitoringServer = await open(opened, {
      ...monitoring,
      logger,
      routes: [metricsRoute, readyRoute(health)],
    });
    startSources({ sources, engine, health, logger, opened });
    let closed: Promise<void> | undefined;
    return {
      addresses: {
        http: `${http.host}:${httpServer.port}`,
        grpc: `${grpc.host}:${grpcPort}`,
        monitoring: `${monitoring.host}:${monitoringServer.port}`,
        ...(secureGrpc && { secureGrpc: `${secureGrpc.host}:${securePort}` }),
      },
      health,
      engine,
      snapshot: engine.snapshot,
      close: () => {
        health.condition("shutdown");
        closed ??= close();
        return closed;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

type Opened = (() => Promise<unknown> | unknown)[];

/** The channel with TLS, where there is one; this pilot is not ready before it has a certificate for it. */
function openSecure(
  { secure, logger, meshConfig: given = defaultMeshConfig }: PilotOptions,
  {
    health,
    clock,
    meshConfig,
  }: {
    readonly health: Health;
    readonly clock: Clock;
    /** The one in force. */
    readonly meshConfig: () => MeshConfig | undefined;
  },
): SecureChannel | undefined {
  if (secure === undefined) return undefined;
  const setCertificate = health.condition("a certificate of its own");
  return openSecureChannel({
    ...secure,
    trustDomains: () => {
      const { trustDomain, trustDomainAliases } = meshConfig() ?? given;
      return [trustDomain, ...trustDomainAliases];
    },
    onReady: () => setCertificate(true),
    logger,
    clock,
    random: Math.random,
  });
}

function listenXds(
  xds: XdsServer,
  { host, port, credentials }: ListenAddress & { readonly credentials?: SecureChannel["credentials"] },
): Promise<number> {
  return xds.listen(`${host === "" ? "[::]" : host}:${port}`, credentials);
}

async function open(
  opened: Opened,
  options: Parameters<typeof createHttpEndpoint>[0],
): Promise<HttpEndpoint> {
  const endpoint = await createHttpEndpoint(options);
  opened.push(() => endpoint.close());
  return endpoint;
}

/** Starts every source; when all have told what they have, the engine begins and this pilot is ready. */
function startSources(options: {
  readonly sources: readonly StartSource[];
  readonly engine: Engine;
  readonly health: Health;
  readonly logger: Logger;
  readonly opened: Opened;
}): void {
  const { sources, engine, health, logger, opened } = options;
  let open = true;
  const synced = sources.map(async (start) => {
    const source = start((event) => engine.apply(event));
    opened.push(() => source.close());
    const setSynced = health.condition(`source ${source.name}`);
    await source.synced;
    if (open) logger.info({ source: source.name }, "source synced");
    return setSynced;
  });
  // Closed first of all: a source that is closed before it has told everything settles as if it had.
  opened.push(() => {
    open = false;
  });
  void Promise.all(synced).then((setters) => {
    if (!open) return;
    // Ready only with a first snapshot.
    engine.begin();
    for (const setSynced of setters) setSynced(true);
  });
}
