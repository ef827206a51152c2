import { randomUUID } from "node:crypto";
import { clone, create, toBinary } from "@bufbuild/protobuf";
import { type Clock, formatProblem, type Problem } from "@weft/base";
import type { Bootstrap } from "@weft/envoy-api/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { ClusterSchema } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ExtensionSchema, type Node, NodeSchema } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import { ListenerSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import type { Logger } from "@weft/observability";
import type { XdsClient, XdsClientOptions } from "@weft/xds";
import { type LogFile, openLogFile } from "./access-log/index.ts";
import { type Admin, type AdminOptions, type ServerInfo, startAdmin } from "./admin/index.ts";
import { type BootstrapSettings, compileBootstrap, grpcAddress } from "./bootstrap/index.ts";
import { type ClusterManager, createClusterManager, type Resolver } from "./cluster/index.ts";
import { type CompileEnvironment, createTlsEnvironment, type TlsEnvironment } from "./compile/index.ts";
import { createDnsCaches, type DnsCaches } from "./dns-cache/index.ts";
import { compiledExtensions, version } from "./extensions.ts";
import { httpFilterFactories } from "./http/filters/index.ts";
import { createHttpDataPath } from "./http/index.ts";
import { createIstioMetrics, type IstioMetrics } from "./istio-metrics/index.ts";
import {
  createListenerManager,
  createOriginalDestinationLookup,
  type ListenerManager,
} from "./listener/index.ts";
import type { SocketAddress } from "./runtime/connection.ts";
import { oncePerError } from "./runtime/faults.ts";
import { createStatsStore, type StatsStore } from "./stats/index.ts";
import {
  createResources,
  createRouteStore,
  createSecretSubscriptions,
  type Resources,
  type SecretSubscriptions,
  subscribeResources,
} from "./xds/index.ts";

/** Settings of {@link createProxy}. */
export interface ProxyOptions {
  readonly bootstrap: Bootstrap;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly resolver: Resolver;
  readonly logger: Logger;
  /** `--service-node`, `--service-cluster`: instead of the bootstrap's node. */
  readonly serviceNode?: string;
  readonly serviceCluster?: string;
  /** How long drained connections may go on; `--drain-time-s`. */
  readonly drainTimeMs: number;
  /** Longest time a line of an access log waits; `--file-flush-interval-msec`. */
  readonly fileFlushIntervalMs: number;
  /** Options as given, for `/server_info`. */
  readonly commandLine: ServerInfo["commandLine"];
  /** Called by `/quitquitquit`. */
  readonly onQuit: () => void;
}

/** A running data plane. */
export interface ProxyServer {
  /**
   * Takes the static resources, opens the admin API and the xDS stream. Settles when that is done; the first dynamic
   * configuration may take longer (`state`).
   * @throws {ProxyStartError} for static resources that cannot be used
   */
  start(): Promise<void>;
  /** Envoy's words: `PRE_INITIALIZING`, `INITIALIZING`, `LIVE`, `DRAINING`. */
  readonly state: ServerState;
  /** Where the admin API listens; undefined before the start, and without one. */
  readonly adminAddress: SocketAddress | undefined;
  readonly listeners: ListenerManager;
  readonly clusters: ClusterManager;
  readonly stats: StatsStore;
  /** Lets connections finish what is under way and stops listening. Settles when all are closed, or after the drain time. */
  drain(): Promise<void>;
  /** Closes everything now. Idempotent. */
  close(): Promise<void>;
}

/** States of the server, as `/server_info` says them. */
export type ServerState = "PRE_INITIALIZING" | "INITIALIZING" | "LIVE" | "DRAINING";

/** The numbers of the gauge `server.state`. */
const stateNumbers: Readonly<Record<ServerState, number>> = {
  LIVE: 0,
  DRAINING: 1,
  PRE_INITIALIZING: 2,
  INITIALIZING: 3,
};

/** The bootstrap cannot be used; the message has a line for each reason. */
export class ProxyStartError extends Error {
  override readonly name = "ProxyStartError";
}

/** Creates a data plane: wires clusters, listeners, HTTP, xDS, statistics and the admin API. Starts nothing yet. */
export function createProxy(options: ProxyOptions): ProxyServer {
  const { bootstrap, logger } = options;
  const { value: settings, problems } = compileBootstrap(bootstrap);
  failOnErrors(problems);
  for (const { path, message } of problems) logger.debug({ path }, message);
  return new WiredProxy(options, settings);
}

function failOnErrors(problems: readonly Problem[]): void {
  const errors = problems.filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new ProxyStartError(errors.map(formatProblem).join("\n"));
}

class WiredProxy implements ProxyServer {
  readonly stats: StatsStore;
  readonly clusters: ClusterManager;
  readonly listeners: ListenerManager;
  readonly #options: ProxyOptions;
  readonly #settings: BootstrapSettings;
  readonly #resources: Resources;
  readonly #routes = createRouteStore();
  readonly #tls: TlsEnvironment;
  readonly #dnsCaches: DnsCaches;
  readonly #istioMetrics: IstioMetrics;
  readonly #secretSubscriptions: SecretSubscriptions;
  readonly #logFiles = new Map<string, LogFile>();
  #state: ServerState = "PRE_INITIALIZING";
  #admin: Admin | undefined;
  #xds: { close(): void } | undefined;

  constructor(options: ProxyOptions, settings: BootstrapSettings) {
    const { clock, random, resolver, logger, drainTimeMs } = options;
    this.#options = options;
    this.#settings = settings;
    this.stats = createStatsStore({ accepts: settings.acceptsStat });
    this.#tls = createTlsEnvironment(clock, (cluster) => grpcAddress(options.bootstrap, cluster));
    this.#dnsCaches = createDnsCaches({ clock, resolver, stats: this.stats });
    this.clusters = createClusterManager({
      clock,
      random,
      resolver,
      stats: this.stats,
      secrets: this.#tls.secrets,
    });
    this.#istioMetrics = createIstioMetrics({
      nodeMetadata: options.bootstrap.node?.metadata ?? {},
      clusters: this.clusters,
      clock,
    });
    this.listeners = createListenerManager({
      clock,
      logger,
      stats: this.stats,
      // koffi is loaded when the first listener looks, and not before.
      lookupOriginalDestination: lazily(() => createOriginalDestinationLookup(process.platform)),
      drainTimeMs,
    });
    this.#resources = createResources({
      clusters: this.clusters,
      listeners: this.listeners,
      routes: this.#routes,
      environment: this.#environment(),
      clock,
      logger,
    });
    this.#secretSubscriptions = createSecretSubscriptions({
      store: this.#tls.secrets,
      connect: ({ address, mode }) => this.#openClient({ address, mode, service: "secrets" }),
      readFile: this.#tls.readFile,
      stats: this.stats,
      logger,
    });
    this.#setState("PRE_INITIALIZING");
    this.stats.gauge("server.live").set(1);
  }

  get state(): ServerState {
    return this.#state;
  }

  get adminAddress() {
    return this.#admin?.address;
  }

  async start(): Promise<void> {
    const { bootstrap, logger } = this.#options;
    const { admin, ads } = this.#settings;
    const { clusters = [], listeners = [] } = bootstrap.staticResources ?? {};
    const failures = await this.#resources.applyClusters(
      clusters.map((cluster) => ({
        name: cluster.name,
        value: toBinary(ClusterSchema, cluster),
        version: "",
        isStatic: true,
      })),
      [],
    );
    if (failures.length > 0) throw new ProxyStartError(failures.join("\n"));
    if (admin !== undefined) this.#admin = await startAdmin(this.#adminOptions(admin));
    this.#setState("INITIALIZING");
    const rejected = await this.#resources.applyListeners(
      listeners.map((listener) => ({
        name: listener.name,
        value: toBinary(ListenerSchema, listener),
        version: "",
        isStatic: true,
      })),
      [],
    );
    if (rejected.length > 0) throw new ProxyStartError(rejected.join("\n"));
    this.#secretSubscriptions.setWanted(this.#resources.secretRefs());
    if (ads === undefined) {
      this.clusters.whenWarm(() => this.#resources.whenListenersWarm(() => this.#initialized()));
      return;
    }
    await this.#connect(ads);
    logger.info({ address: ads.address, mode: ads.mode }, "asking the management server for configuration");
  }

  async drain(): Promise<void> {
    this.#setState("DRAINING");
    this.listeners.drain(() => true, 0);
    const { clock, drainTimeMs } = this.#options;
    const deadline = clock.monotonic() + drainTimeMs;
    const pollMs = 50;
    while (this.listeners.connectionCount() > 0 && clock.monotonic() < deadline) {
      await new Promise<void>((resolve) => clock.after(pollMs, resolve));
    }
  }

  async close(): Promise<void> {
    this.#xds?.close();
    this.#secretSubscriptions.close();
    await this.listeners.close();
    this.clusters.close();
    this.#dnsCaches.close();
    await this.#admin?.close();
    await Promise.all([...this.#logFiles.values()].map((file) => file.close()));
  }

  #environment(): CompileEnvironment {
    const { clock, random, logger, fileFlushIntervalMs } = this.#options;
    const onFault = oncePerError((err) => logger.error({ err }, "internal error: a request was broken off"));
    const dataPath = createHttpDataPath({ clock, clusters: this.clusters, onFault });
    return {
      clock,
      tls: this.#tls,
      dnsCaches: this.#dnsCaches,
      onFault,
      serviceCluster: this.#options.serviceCluster ?? this.#options.bootstrap.node?.cluster ?? "",
      random,
      requestId: randomUUID,
      stats: this.stats,
      istioMetrics: this.#istioMetrics,
      clusters: this.clusters,
      routes: (name) => this.#routes.get(name),
      logFile: (path) => {
        const known = this.#logFiles.get(path);
        if (known !== undefined) return known;
        const file = openLogFile({ path, clock, flushIntervalMs: fileFlushIntervalMs, stats: this.stats });
        this.#logFiles.set(path, file);
        return file;
      },
      httpFilters: httpFilterFactories,
      createConnectionManager: dataPath.createConnectionManager,
      callCluster: dataPath.callCluster,
      openTunnel: dataPath.openTunnel,
      createRouter: dataPath.createRouter,
    };
  }

  async #connect(ads: NonNullable<BootstrapSettings["ads"]>): Promise<void> {
    const { logger } = this.#options;
    const connected = this.stats.gauge("control_plane.connected_state");
    connected.set(0);
    const client = await this.#openClient({
      address: ads.address,
      mode: ads.mode,
      onEvent: (event) => {
        if (event.kind === "connected") connected.set(1);
        if (event.kind === "disconnected") {
          connected.set(0);
          logger.warn({ reason: event.reason, retryMs: event.retryMs }, "the xDS stream ended");
        }
        if (event.kind === "rejected") {
          logger.warn({ typeUrl: event.typeUrl, reason: event.reason }, "refused configuration");
        }
      },
    });
    this.#xds = client;
    this.#secretSubscriptions.setAds(client);
    subscribeResources({
      client,
      resources: this.#resources,
      clusters: this.clusters,
      routes: this.#routes,
      secrets: this.#secretSubscriptions,
      stats: this.stats,
      wantsClusters: ads.clusters,
      wantsListeners: ads.listeners,
      initialFetchTimeoutMs: ads.initialFetchTimeoutMs,
      onInitialized: () => this.#initialized(),
    });
  }

  async #openClient(
    options: Pick<XdsClientOptions, "address" | "mode" | "service" | "onEvent">,
  ): Promise<XdsClient> {
    const { clock, random } = this.#options;
    // grpc-js costs memory and time to load: a proxy with static configuration alone does without.
    const { createXdsClient } = await import("@weft/xds");
    return createXdsClient({ ...options, node: this.#node(), clock, random });
  }

  /** The bootstrap's node, with what this proxy is. */
  #node(): Node {
    const { bootstrap, serviceNode, serviceCluster } = this.#options;
    const node = clone(NodeSchema, bootstrap.node ?? create(NodeSchema));
    node.id = serviceNode ?? node.id;
    node.cluster = serviceCluster ?? node.cluster;
    node.userAgentName = "weft";
    node.userAgentVersionType = { case: "userAgentVersion", value: version };
    node.extensions = compiledExtensions().map((extension) => create(ExtensionSchema, extension));
    return node;
  }

  #initialized(): void {
    this.stats.gauge("listener_manager.workers_started").set(1);
    if (this.#state !== "DRAINING") this.#setState("LIVE");
    this.#options.logger.info(
      { listeners: this.listeners.listeners.size, clusters: this.clusters.active.size },
      "live",
    );
  }

  #setState(state: ServerState): void {
    this.#state = state;
    this.stats.gauge("server.state").set(stateNumbers[state]);
  }

  #adminOptions(address: SocketAddress): AdminOptions {
    const { bootstrap, clock, logger, commandLine, drainTimeMs, onQuit } = this.#options;
    return {
      address,
      bootstrap,
      node: this.#node(),
      clock,
      logger,
      stats: this.stats,
      istioMetrics: this.#istioMetrics,
      tagRules: this.#settings.tagRules,
      clusters: this.clusters,
      listeners: this.listeners,
      resources: this.#resources,
      secrets: this.#tls.secrets,
      commandLine,
      drainTimeMs,
      state: () => this.#state,
      failHealthCheck: (failed: boolean) => {
        if (failed) this.#setState("DRAINING");
        else if (this.#state === "DRAINING") this.#setState("LIVE");
      },
      quit: onQuit,
    };
  }
}

function lazily<Args extends unknown[], Result>(
  make: () => (...args: Args) => Result,
): (...args: Args) => Result {
  let made: ((...args: Args) => Result) | undefined;
  return (...args) => {
    made ??= make();
    return made(...args);
  };
}
