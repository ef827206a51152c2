import { readFile } from "node:fs/promises";
import { BlockList, isIP } from "node:net";
import { hostname } from "node:os";
import { formatProblem, parseDuration } from "@weft/base";
import { type NatsConnectionConfig, readNatsConnection } from "@weft/bus";
import { decodeMeshConfig, type ListenAddress } from "@weft/discovery";
import { defaultMeshConfig, type MeshConfig } from "@weft/istio-api";
import { createLogger, type Logger, parseLogLevel } from "@weft/observability";
import { parse } from "yaml";
import { readSecureOptions, type SecureFlags, type SecureOptions } from "./secure-options.ts";

/** Flags of `pilot-discovery discovery`, as commander gives them. */
export interface DiscoveryFlags extends SecureFlags {
  readonly httpAddr: string;
  readonly grpcAddr: string;
  readonly secureGRPCAddr: string;
  /** The same, as Istio 1.4 spelled it. */
  readonly secureGrpcAddr?: string;
  readonly monitoringAddr: string;
  readonly configDir: readonly string[];
  readonly registries: readonly string[];
  readonly kubeconfig?: string;
  readonly meshConfig: string;
  readonly namespace: string;
  readonly domain: string;
  readonly clusterID: string;
  readonly shutdownDuration: string;
  readonly log_output_level: string;
  readonly natsUrl?: string;
  /** The flags of Istio that are taken and do nothing yet. */
  readonly [other: string]: unknown;
}

/** What the flags and the environment say. */
export interface DiscoveryOptions {
  readonly http: ListenAddress;
  readonly grpc: ListenAddress;
  readonly monitoring: ListenAddress;
  /** Undefined where pilot has no certificate. */
  readonly secure: SecureOptions | undefined;
  readonly configDirs: readonly string[];
  /** Whether and how a cluster is read. */
  readonly kubernetes: { readonly kubeconfig?: string } | undefined;
  readonly meshConfig: MeshConfig;
  readonly clusterId: string;
  readonly shutdownMs: number;
  readonly nats: NatsConnectionConfig | undefined;
  /** Name of this pilot: POD_NAME, else the machine's. */
  readonly instance: string;
  /** How keys of issuers are fetched. */
  readonly jwks: { readonly refreshMs?: number; readonly blocked?: BlockList };
  readonly logger: Logger;
}

/** Flags of Istio's, of today and of 1.4, that are taken and have no effect, each with the reason. */
export const flagsWithoutEffect: readonly (readonly [flag: string, reason: string])[] = [
  ["--httpsAddr <address>", "admission webhooks are galley's and the injector's"],
  ["--networksConfig <file>", "networks come from the mesh configuration"],
  ["--clusterAliases <aliases>", "there is one cluster"],
  ["--profile", "use node --inspect"],
  ["--tls-cipher-suites <list>", "those of Node are offered"],
  ["--tls-min-version <version>", "it is TLS 1.2"],
  ["--kubernetesApiQPS <number>", "lists are read page by page, one watch a kind"],
  ["--kubernetesApiBurst <number>", "lists are read page by page, one watch a kind"],
  ["--ctrlz_port <port>", "see /debug on --httpAddr"],
  ["--plugins <list>", "the filters are built in"],
  ["--resync <interval>", "sources are watched"],
  ["--trust-domain <domain>", "trustDomain of the mesh configuration counts"],
  ["--consulserverURL <url>", "Consul is not among the registries"],
  ["--consulserverInterval <interval>", "Consul is not among the registries"],
  ["--mcpMaxMsgSize <bytes>", "there is no MCP"],
  ["--discoveryCache", "resources are always shared and cached"],
  ["--appNamespace <namespace>", "all namespaces are read"],
  ["--disable-install-crds", "nothing is installed"],
];

/** The registries that there are. */
const registries: readonly string[] = ["Kubernetes", "Files"];

/** Reads flags and environment. Throws where one is wrong, naming it; notes on flags without effect are logged. */
export async function readDiscoveryOptions(
  flags: DiscoveryFlags,
  env: Readonly<Record<string, string | undefined>>,
): Promise<DiscoveryOptions> {
  const level = parseLogLevel(flags.log_output_level, "pilot-discovery");
  if ("problem" in level) throw new Error(`--log_output_level: ${level.problem}`);
  const logger = createLogger({ component: "pilot-discovery", ...level });
  for (const registry of flags.registries) {
    if (!registries.includes(registry)) {
      throw new Error(`--registries: there is no ${registry}, allowed are ${registries.join(", ")}`);
    }
  }
  for (const [flag, reason] of flagsWithoutEffect) {
    if (flags[camelName(flag)] !== undefined) logger.warn(`${flag.split(" ")[0]} has no effect: ${reason}`);
  }
  const shutdownMs = parseDuration(flags.shutdownDuration);
  if (shutdownMs === undefined)
    throw new Error(`--shutdownDuration: ${flags.shutdownDuration} is no duration such as 10s`);
  const meshConfig = {
    ...(await readMeshConfig(flags.meshConfig, logger)),
    rootNamespace: flags.namespace,
    domainSuffix: flags.domain,
  };
  const secureAddress = flags.secureGrpcAddr ?? flags.secureGRPCAddr;
  return {
    http: parseAddress("--httpAddr", flags.httpAddr),
    grpc: parseAddress("--grpcAddr", flags.grpcAddr),
    monitoring: parseAddress("--monitoringAddr", flags.monitoringAddr),
    configDirs: flags.configDir,
    kubernetes: readsKubernetes(flags, env)
      ? flags.kubeconfig === undefined
        ? {}
        : { kubeconfig: flags.kubeconfig }
      : undefined,
    secure: readSecureOptions(flags, parseAddress("--secureGRPCAddr", secureAddress), { env, meshConfig }),
    meshConfig,
    clusterId: flags.clusterID,
    shutdownMs,
    nats: readNatsConnection(flags.natsUrl, env),
    instance: env.POD_NAME || hostname(),
    jwks: readJwksOptions(env),
    logger,
  };
}

/**
 * Whether a cluster is read: where the registries say so; where they say nothing, with a kubeconfig, and in a pod that
 * has not been given folders.
 */
function readsKubernetes(
  { registries: named, kubeconfig, configDir }: DiscoveryFlags,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  if (named.length > 0) return named.includes("Kubernetes");
  return kubeconfig !== undefined || (env.KUBERNETES_SERVICE_HOST !== undefined && configDir.length === 0);
}

const refreshVariable = "PILOT_JWT_PUB_KEY_REFRESH_INTERVAL";
const blockedVariable = "BLOCKED_CIDRS_IN_JWKS_URIS";

/** Istio's variables for fetching keys: how often, and from which addresses (`10.0.0.0/8,fd00::/8`) never. */
function readJwksOptions(env: Readonly<Record<string, string | undefined>>): DiscoveryOptions["jwks"] {
  const refresh = env[refreshVariable];
  const refreshMs = refresh ? parseDuration(refresh) : undefined;
  if (refresh && (refreshMs === undefined || refreshMs < 1000))
    throw new Error(`${refreshVariable}: ${refresh} is no duration of at least 1s, such as 20m`);
  const blocked = new BlockList();
  const ranges = (env[blockedVariable] ?? "").split(",").filter((range) => range.trim() !== "");
  for (const range of ranges) {
    const [address = "", length = ""] = range.trim().split("/");
    const family = isIP(address);
    if (family === 0 || !/^\d{1,3}$/.test(length) || Number(length) > (family === 6 ? 128 : 32))
      throw new Error(`${blockedVariable}: ${range} is no range of addresses such as 10.0.0.0/8`);
    blocked.addSubnet(address, Number(length), family === 6 ? "ipv6" : "ipv4");
  }
  return {
    ...(refreshMs === undefined ? {} : { refreshMs }),
    ...(ranges.length === 0 ? {} : { blocked }),
  };
}

/** commander's name of a flag: `--tls-min-version <v>` → `tlsMinVersion`. */
function camelName(flag: string): string {
  const [name = ""] = flag.slice(2).split(" ");
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** Go's form of an address: `:8080` is all addresses of the machine, `127.0.0.1:8080` and `[::1]:8080` one. */
export function parseAddress(flag: string, text: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:]*)):(\d+)$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) {
    throw new Error(`${flag}: ${JSON.stringify(text)} is no address, allowed are :PORT and HOST:PORT`);
  }
  return { host: match[1] ?? match[2] ?? "", port };
}

/** Reads the mesh configuration; Istio's defaults where there is no such file. */
async function readMeshConfig(file: string, logger: Logger): Promise<MeshConfig> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    logger.info({ file }, "no mesh configuration, using the defaults");
    return defaultMeshConfig;
  }
  const { value, problems } = decodeMeshConfig(parse(text));
  for (const problem of problems) {
    logger[problem.severity === "error" ? "error" : "warn"](`${file}: ${formatProblem(problem)}`);
  }
  return value;
}
