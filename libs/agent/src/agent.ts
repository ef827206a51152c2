import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Clock, systemClock } from "@weft/base";
import type { SecretsConfig } from "@weft/identity";
import { createHttpEndpoint, type Logger } from "@weft/observability";
import { createXdsRelay, type OwnSubscription, type XdsRelay, type XdsRelayOptions } from "@weft/xds";
import { buildBootstrap } from "./bootstrap/build-bootstrap.ts";
import type { AgentAddresses, AgentPorts } from "./bootstrap/ports.ts";
import { type DnsConfig, type DnsProxy, startDnsProxy } from "./dns/dns-proxy.ts";
import { nameTableSubscription } from "./dns/name-table.ts";
import { drainListeners, waitFor, waitForZeroConnections } from "./drain.ts";
import { httpCall } from "./http-client.ts";
import type { BootstrapNode } from "./node/node.ts";
import type { ProxyConfig } from "./node/proxy-config.ts";
import { createPilotChannel, type PilotChannelConfig } from "./pilot-channel.ts";
import { createProber } from "./probes/ask.ts";
import type { AppProbes } from "./probes/parse.ts";
import type { ProbeTarget } from "./probes/target.ts";
import type { ProxyCommand, ProxyCommandOptions } from "./proxy/command.ts";
import { type StartProcess, startProcess } from "./proxy/process.ts";
import { createSupervisor } from "./proxy/supervisor.ts";
import { type Secrets, startSecrets } from "./secrets/secrets.ts";
import type { AppMetricsTarget } from "./status/app-metrics.ts";
import {
  type AgentCounters,
  type AgentMetrics,
  createAgentCounters,
  createAgentMetrics,
} from "./status/counters.ts";
import { type AdminCall, checkReadiness } from "./status/readiness.ts";
import { statusRoutes } from "./status/routes.ts";
import { trustSubscription } from "./trust-subscription.ts";

/** Settings of {@link startAgent}. */
export interface AgentOptions {
  readonly role: "sidecar" | "router";
  readonly node: BootstrapNode;
  readonly proxyConfig: ProxyConfig;
  /** The workload's addresses, its own first. */
  readonly instanceIps: readonly string[];
  readonly ports: AgentPorts;
  readonly addresses: AgentAddresses;
  /** Which proxy runs: `envoyCommand` or `weftCommand`. */
  readonly proxyCommand: (options: ProxyCommandOptions) => ProxyCommand;
  /** `warning`, in Envoy's spelling. */
  readonly proxyLogLevel: string;
  /** `misc:error`; empty for none. */
  readonly proxyComponentLogLevel: string;
  /** Unix socket of the SDS server; beside the workload's identity, as Istio has it. */
  readonly sdsSocket: string;
  /** How pilot is called with TLS; in plain text without it. */
  readonly pilotChannel?: PilotChannelConfig;
  /** Where the workload's certificate comes from; without it none is served. */
  readonly secrets?: SecretsConfig;
  /**
   * Instead of ProxyConfig's `terminationDrainDuration`: the proxy ends when its last connection has, but not before `minimumMs`.
   * Istio's EXIT_ON_ZERO_ACTIVE_CONNECTIONS and MINIMUM_DRAIN_DURATION.
   */
  readonly exitOnZeroConnections?: { readonly minimumMs: number };
  /** The places where the application serves its own metrics. */
  readonly appMetrics: readonly AppMetricsTarget[];
  /** The application's probes, which the kubelet brings to the agent; none unless told. */
  readonly probes?: { readonly known: AppProbes; readonly target: ProbeTarget };
  /** How the workload's DNS queries are answered; none are where this is not told. */
  readonly dns?: DnsConfig;
  /** Environment of the proxy. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
  readonly startProcess?: StartProcess;
}

/** How an agent ended. */
export type AgentEnd =
  | { readonly kind: "stopped" }
  /** The proxy ended again and again; `message` says how. */
  | { readonly kind: "gave-up"; readonly message: string };

/** A running agent and its proxy. */
export interface Agent {
  /** The file of the bootstrap. */
  readonly bootstrapFile: string;
  /** Process id of the running proxy. */
  proxyPid(): number | undefined;
  /** Resolves when the proxy has ended for good; the agent is to be closed then. */
  readonly ended: Promise<AgentEnd>;
  /** Has the proxy drain, waits as ProxyConfig and `exitOnZeroConnections` say, and stops: what SIGTERM asks for. */
  drainAndStop(): Promise<void>;
  /** Stops the proxy and everything else now. Idempotent. */
  close(): Promise<void>;
}

/** The longest path of a Unix socket, on Linux (108 with the end's zero) and macOS (104). */
const maxSocketPath = process.platform === "linux" ? 107 : 103;
/** What a proxy is given between SIGTERM and SIGKILL: it has had its time to drain, and has only its logs to write. */
const proxyGraceMs = 1_500;
const noProbes = {
  known: new Map(),
  target: { host: "127.0.0.1", localAddress: undefined, keepAlive: false },
} as const;
/** Until the table of names is there, the application would resolve nothing. */
const withoutNames = {
  ready: false,
  reason: "DNS lookup table is not ready yet: pilot has sent no names",
} as const;
const adminLimits = { timeoutMs: 2_000, maxBytes: 64 << 20 } as const;

/** Writes the bootstrap into ProxyConfig's `configPath`; the path of the file and what it holds. */
export function writeBootstrap(options: AgentOptions): { readonly file: string; readonly xdsSocket: string } {
  const { node, proxyConfig, instanceIps, ports, addresses, sdsSocket } = options;
  const folder = resolve(proxyConfig.configPath);
  const xdsSocket = join(folder, "XDS");
  if (xdsSocket.length > maxSocketPath) {
    throw new Error(
      `configPath ${folder} is too long: the socket ${xdsSocket} may have ${maxSocketPath} characters at most`,
    );
  }
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "envoy-rev.json");
  const bootstrap = buildBootstrap({
    node,
    proxyConfig,
    instanceIps,
    ports,
    addresses,
    xdsSocket,
    sdsSocket,
  });
  writeFileSync(file, `${JSON.stringify(bootstrap, null, 2)}\n`, { mode: 0o600 });
  return { file, xdsSocket };
}

/**
 * Starts the agent: the status server, the xDS relay, the SDS server where there are certificates to serve, and then the proxy, which is kept
 * running. Throws where a port or a socket cannot be bound; nothing is left running then.
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { role, node, proxyConfig, ports, addresses, logger, env } = options;
  const { clock = systemClock, random = Math.random } = options;
  const startedAt = clock.monotonic();
  const counters = createAgentCounters();
  const { file: bootstrapFile, xdsSocket } = writeBootstrap(options);
  const supervisor = createSupervisor({
    command: options.proxyCommand({
      bootstrapFile,
      logLevel: options.proxyLogLevel,
      componentLogLevel: options.proxyComponentLogLevel,
      concurrency: proxyConfig.concurrency,
      drainDurationMs: proxyConfig.drainDurationMs,
      env,
    }),
    startProcess: options.startProcess ?? startProcess,
    clock,
    random,
    logger,
  });
  const admin: AdminCall = (path, method = "GET") =>
    httpCall({ host: addresses.local, port: ports.admin, path, method, ...adminLimits });

  let readyAfter = Number.NaN;
  const readiness = async () => {
    const noNames = dns !== undefined && dns.table === undefined;
    const state = noNames ? withoutNames : await checkReadiness(admin);
    if (state.ready && Number.isNaN(readyAfter)) {
      readyAfter = (clock.monotonic() - startedAt) / 1000;
      logger.info({ seconds: Math.round(readyAfter * 1000) / 1000 }, "proxy is ready");
    }
    return state;
  };
  let metrics: Promise<AgentMetrics> | undefined;
  let secrets: Secrets | undefined;
  let dns: DnsProxy | undefined;
  const channel = options.pilotChannel && createPilotChannel(options.pilotChannel, () => secrets?.current());
  const relay = createRelay({
    upstream: { address: proxyConfig.discoveryAddress, ...channel },
    own: [
      ...(options.dns === undefined ? [] : [nameTableSubscription((table) => dns?.update(table))]),
      ...(channel === undefined ? [] : [trustSubscription(() => secrets?.held())]),
    ],
    counters,
    logger,
    clock,
    random,
  });
  const { probes = noProbes } = options;
  const prober = createProber(probes.target);
  const status = await createHttpEndpoint({
    host: addresses.public,
    port: ports.status,
    logger,
    routes: statusRoutes({
      admin,
      readiness,
      counters,
      metrics: () => {
        metrics ??= createAgentMetrics(counters, {
          readyAfter: () => readyAfter,
          restarts: supervisor.restarts,
          secrets: () => secrets?.stats(),
          dns: () => dns?.counters,
        });
        return metrics;
      },
      app: { host: addresses.local, targets: options.appMetrics },
      probes: { known: probes.known, prober },
      names: () => dns?.table,
      quit: () => void close(),
      drain: () => drainListeners(admin, role, logger),
    }),
  });

  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= (async () => {
      await supervisor.stop(proxyGraceMs);
      await relay.close();
      await dns?.close();
      await secrets?.close();
      prober.close();
      await status.close();
      await (await metrics)?.close();
      rmSync(xdsSocket, { force: true });
    })();
    return closed;
  };
  try {
    // A socket file that a killed agent left behind would be in the way.
    rmSync(xdsSocket, { force: true });
    await relay.listen(`unix:${xdsSocket}`);
    if (options.dns !== undefined) dns = await startDnsProxy({ config: options.dns, clock, random, logger });
    secrets = await openSecrets(options, { clock, random, onHeld: relay.renewOwn });
  } catch (error) {
    await relay.close();
    await dns?.close();
    await status.close();
    throw error;
  }
  supervisor.start();
  logger.info(
    {
      node: node.id,
      pilot: proxyConfig.discoveryAddress,
      status: `${addresses.public}:${ports.status}`,
      admin: `${addresses.local}:${ports.admin}`,
      ...(dns && { dns: dns.addresses.map(({ address, port }) => `${address}:${port}`) }),
    },
    "agent started",
  );

  let drained: Promise<void> | undefined;
  return {
    bootstrapFile,
    proxyPid: supervisor.pid,
    ended: supervisor.ended,
    drainAndStop: () => {
      drained ??= (async () => {
        const { exitOnZeroConnections } = options;
        const waitMs = exitOnZeroConnections?.minimumMs ?? proxyConfig.terminationDrainDurationMs;
        logger.info({ waitMs }, "draining the proxy");
        await drainListeners(admin, role, logger);
        const early = supervisor.ended;
        if (exitOnZeroConnections === undefined) await waitFor(clock, waitMs, early);
        else {
          const ownPorts = [ports.health, ports.stats];
          await waitForZeroConnections({ admin, clock, minimumMs: waitMs, ownPorts, early });
        }
        await close();
      })();
      return drained;
    },
    close,
  };
}

/** Serves the workload's certificate, where there is one to be had. */
async function openSecrets(
  { secrets: config, sdsSocket: socket, logger }: AgentOptions,
  more: { readonly clock: Clock; readonly random: () => number; readonly onHeld: () => void },
): Promise<Secrets | undefined> {
  if (config === undefined) {
    logger.info("no CA_ADDR and no mounted certificates: the proxy gets no certificate (SDS is not served)");
    return undefined;
  }
  if (socket.length > maxSocketPath) {
    throw new Error(`the SDS socket ${socket} may have ${maxSocketPath} characters at most`);
  }
  return startSecrets({ config, socket, logger, ...more });
}

interface RelayOptions {
  readonly upstream: XdsRelayOptions["upstream"];
  readonly own: readonly OwnSubscription[];
  readonly counters: AgentCounters;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
}

/** The relay to pilot, whose coming and going is logged and counted. */
function createRelay({ upstream, own, counters, logger, clock, random }: RelayOptions): XdsRelay {
  const { address } = upstream;
  let connected = false;
  return createXdsRelay({
    // Soon back after a restart of pilot, and not all at once: the delay has jitter.
    upstream: { ...upstream, backoff: { initialMs: 200, maxMs: 5_000 } },
    own,
    clock,
    random,
    onUpstreamEvent: (event) => {
      switch (event.kind) {
        case "connected":
          connected = true;
          logger.info({ pilot: address }, "connected to pilot");
          break;
        case "disconnected":
          if (connected) counters.pilotConnectionTerminations++;
          else counters.pilotConnectionFailures++;
          // Said once for each time that pilot goes: the proxy runs on with what it has.
          if (connected || counters.pilotConnectionFailures === 1) {
            logger.warn({ pilot: address, reason: event.reason }, "no connection to pilot, trying again");
          }
          connected = false;
          break;
        case "accepted":
          break;
        case "rejected":
          logger.warn({ type: event.typeUrl, reason: event.reason }, "the proxy rejected its configuration");
          break;
      }
    },
    onEvent: (event) => {
      if (event.kind === "sent") counters.xdsResponses++;
      else if (event.kind === "disconnected") counters.proxyConnectionTerminations++;
      else if (event.kind === "subscribed" || event.kind === "acked" || event.kind === "nacked")
        counters.xdsRequests++;
    },
  });
}
