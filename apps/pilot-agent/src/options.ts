import { accessSync, constants } from "node:fs";
import { isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type AgentAddresses,
  type AgentOptions,
  buildNode,
  buildNodeMetadata,
  type Environment,
  envoyCommand,
  hostDiscoveryMetadata,
  type ProbeTarget,
  parseAppMetricsTargets,
  parseAppProbes,
  parseProxyConfig,
  passthroughAddress,
  weftCommand,
} from "@weft/agent";
import { formatProblem, parseDuration } from "@weft/base";
import { readSecretsConfig } from "@weft/identity";
import { createLogger, parseLogLevel } from "@weft/observability";
import { readDnsConfig } from "./dns-options.ts";
import { readPilotChannel } from "./pilot-options.ts";

/** Flags of `pilot-agent proxy`. */
export interface ProxyFlags {
  readonly domain?: string;
  readonly serviceCluster?: string;
  readonly concurrency?: number;
  readonly proxyLogLevel: string;
  readonly proxyComponentLogLevel: string;
  readonly log_output_level: string;
  readonly proxy: "weft" | "envoy";
  readonly envoyBinary?: string;
  readonly bindAddress?: string;
  readonly sdsSocket?: string;
  readonly dryRun?: boolean;
  readonly exitWithParent?: boolean;
  /** Accepted for Istio's sake; each has a note in {@link notes}. */
  readonly templateFile?: string;
  readonly meshConfig?: string;
  readonly outlierLogPath?: string;
  readonly stsPort?: number;
  readonly tokenManagerPlugin?: string;
  readonly profiling?: boolean;
}

/** Flags of Istio's agent that are taken and do nothing, and what to do instead. */
const notes: readonly (readonly [flag: keyof ProxyFlags, note: string])[] = [
  [
    "templateFile",
    "--templateFile has no effect: the bootstrap is built in; use PROXY_CONFIG for what it should hold",
  ],
  ["meshConfig", "--meshConfig has no effect: pilot-discovery reads it; the agent takes PROXY_CONFIG"],
  ["outlierLogPath", "--outlierLogPath has no effect"],
  ["stsPort", "--stsPort has no effect: there is no token exchange"],
  ["tokenManagerPlugin", "--tokenManagerPlugin has no effect: there is no token exchange"],
];

/** Where pilot is in a cluster; the injector leaves out what is Istio's default. */
const discoveryInCluster = "istiod.istio-system.svc:15012";

/** Weft's proxy, beside this app in the sources; WEFT_PROXY_BIN names it elsewhere. */
const weftProxyMain = fileURLToPath(new URL("../../proxy/bin/weft-proxy.mjs", import.meta.url));

/**
 * Puts flags and environment together, as Istio's agent does: POD_NAME, POD_NAMESPACE, INSTANCE_IP, SERVICE_ACCOUNT, PROXY_CONFIG,
 * ISTIO_META_*, ISTIO_METAJSON_*, TRUST_DOMAIN, ENVOY_PROMETHEUS_PORT, ENVOY_STATUS_PORT, ISTIO_PROMETHEUS_ANNOTATIONS, ISTIO_KUBE_APP_PROBERS,
 * EXIT_ON_ZERO_ACTIVE_CONNECTIONS, MINIMUM_DRAIN_DURATION, WEFT_VIRTUAL_HOST_DISCOVERY, WEFT_PROXY_BIN, and those of {@link readSecretsConfig} and
 * {@link readPilotChannel}, {@link readDnsConfig}.
 * What is wrong but can be left out is logged; what cannot throws.
 */
export async function readAgentOptions(
  role: "sidecar" | "router",
  flags: ProxyFlags,
  processEnv: Environment,
): Promise<AgentOptions> {
  const level = parseLogLevel(flags.log_output_level, "pilot-agent");
  if ("problem" in level) throw new Error(`--log_output_level: ${level.problem}`);
  const logger = createLogger({ component: "pilot-agent", ...level });
  for (const [flag, note] of notes) if (flags[flag] !== undefined) logger.warn(note);

  const { value: given, problems } = await parseProxyConfig(processEnv.PROXY_CONFIG ?? "");
  const inPod = processEnv.KUBERNETES_SERVICE_HOST !== undefined && given.raw.discoveryAddress === undefined;
  const proxyConfig = {
    ...given,
    ...(inPod ? { discoveryAddress: discoveryInCluster } : {}),
    ...(flags.concurrency === undefined ? {} : { concurrency: flags.concurrency }),
    ...(flags.serviceCluster === undefined ? {} : { serviceCluster: flags.serviceCluster }),
  };
  const env: Environment = { ...processEnv, ...proxyConfig.proxyMetadata };
  const ip = instanceIp(env);
  const metadata = buildNodeMetadata(env, [ip], proxyConfig);
  // A gateway's status port is open to others: there the application's metrics are not to be had.
  const annotations = role === "sidecar" ? env.ISTIO_PROMETHEUS_ANNOTATIONS : undefined;
  const appMetrics = parseAppMetricsTargets(annotations, proxyConfig.statusPort);
  const appProbes = parseAppProbes(env.ISTIO_KUBE_APP_PROBERS);
  if (appProbes.problems.length > 0) throw new Error(appProbes.problems.map(formatProblem).join("\n"));
  for (const problem of [...problems, ...metadata.problems, ...appMetrics.problems]) {
    logger[problem.severity === "error" ? "error" : "warn"](formatProblem(problem));
  }
  const hosts = hostDiscoveryMetadata(env.WEFT_VIRTUAL_HOST_DISCOVERY, flags.proxy);
  const namespace = env.POD_NAMESPACE || "default";
  const secrets = readSecretsConfig(env, namespace);
  const pilotChannel = readPilotChannel(env, proxyConfig, secrets);
  const addresses = addressesOf(ip, flags.bindAddress);
  const domain = flags.domain || `${namespace}.svc.cluster.local`;
  const dns =
    role === "sidecar" ? readDnsConfig(env, { namespace, domain, local: addresses.local }) : undefined;
  return {
    role,
    node: buildNode({
      role,
      ip,
      podName: env.POD_NAME || hostname(),
      namespace,
      dnsDomain: domain,
      serviceCluster: proxyConfig.serviceCluster,
      metadata: { ...hosts, ...metadata.value },
    }),
    proxyConfig,
    instanceIps: [ip],
    ports: {
      admin: proxyConfig.proxyAdminPort,
      status: proxyConfig.statusPort,
      health: portOf(env, "ENVOY_STATUS_PORT", 15021),
      stats: portOf(env, "ENVOY_PROMETHEUS_PORT", 15090),
    },
    addresses,
    proxyCommand:
      flags.proxy === "envoy"
        ? (options) => envoyCommand(findEnvoy(flags.envoyBinary ?? env.ENVOY_BIN, env), options)
        : (options) => weftCommand(env.WEFT_PROXY_BIN || weftProxyMain, options),
    proxyLogLevel: flags.proxyLogLevel,
    proxyComponentLogLevel: flags.proxyComponentLogLevel,
    sdsSocket: resolve(flags.sdsSocket ?? "./var/run/secrets/workload-spiffe-uds/socket"),
    ...(secrets === undefined ? {} : { secrets }),
    ...(pilotChannel === undefined ? {} : { pilotChannel }),
    ...(env.EXIT_ON_ZERO_ACTIVE_CONNECTIONS === "true"
      ? { exitOnZeroConnections: { minimumMs: durationOf(env, "MINIMUM_DRAIN_DURATION", "5s") } }
      : {}),
    appMetrics: appMetrics.value,
    ...(dns === undefined ? {} : { dns }),
    probes: { known: appProbes.value, target: probeTarget(env, ip) },
    env,
    logger,
  };
}

function instanceIp(env: Environment): string {
  const given = env.INSTANCE_IP;
  if (given) {
    if (isIP(given) === 0) throw new Error(`INSTANCE_IP: ${given} is no IP address`);
    return given;
  }
  const external = Object.values(networkInterfaces())
    .flat()
    .find((address) => address !== undefined && !address.internal && address.family === "IPv4");
  return external?.address ?? "127.0.0.1";
}

/**
 * Istio's addresses: what only the pod itself calls on its loopback, the rest on all. Where the workload's own address is a loopback
 * address (a mesh on one machine: each workload has one of 127.0.0.0/8) everything is bound to that, so that proxies do not clash.
 */
function addressesOf(ip: string, bindAddress: string | undefined): AgentAddresses {
  const one = bindAddress ?? (ip.startsWith("127.") ? ip : undefined);
  return one === undefined ? { local: "127.0.0.1", public: "0.0.0.0" } : { local: one, public: one };
}

/**
 * How the application is asked: at the pod's address, from one that iptables leaves alone, so that it need not listen on the loopback;
 * or at localhost, as Istio did before 1.10.
 */
function probeTarget(env: Environment, ip: string): ProbeTarget {
  const keepAlive = env.ENABLE_PROBE_KEEPALIVE_CONNECTIONS === "true";
  const legacy = env.REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION === "true";
  // No machine has an IPv6 address of that kind by itself: there the loopback is asked, from itself.
  if (isIP(ip) === 6) return { host: "::1", localAddress: undefined, keepAlive };
  return { host: legacy ? "127.0.0.1" : ip, localAddress: passthroughAddress, keepAlive };
}

function portOf(env: Environment, name: string, fallback: number): number {
  const port = Number(env[name] || fallback);
  if (Number.isInteger(port) && port > 0 && port <= 65535) return port;
  throw new Error(`${name}: ${env[name]} is no port, allowed are 1 to 65535`);
}

function durationOf(env: Environment, name: string, fallback: string): number {
  const ms = parseDuration(env[name] || fallback);
  if (ms !== undefined && ms >= 0) return ms;
  throw new Error(`${name}: ${env[name]} is no duration such as 5s`);
}

/** The Envoy that is named, else the one on the PATH. */
function findEnvoy(named: string | undefined, env: Environment): string {
  const candidates = named
    ? [resolve(named)]
    : (env.PATH ?? "").split(delimiter).map((folder) => join(folder, "envoy"));
  const found = candidates.find(isExecutable);
  if (found !== undefined) return found;
  throw new Error(
    named
      ? `${named} is no executable file; --envoy-binary or ENVOY_BIN must name an Envoy`
      : "no Envoy found: name one by --envoy-binary or ENVOY_BIN, or put it on the PATH (npm run peers installs one)",
  );
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false; // absent or not ours to run: the next candidate
  }
}
