import { type Problem, parseDuration } from "@weft/base";

/**
 * The fields of Istio's ProxyConfig that the agent acts on, with their defaults.
 * https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#ProxyConfig
 */
export interface ProxyConfig {
  /** Where the bootstrap is written; `./etc/istio/proxy` */
  readonly configPath: string;
  /** Address of pilot-discovery; `localhost:15010` */
  readonly discoveryAddress: string;
  /** Worker threads of the proxy; 2 (0: all cores) */
  readonly concurrency: number;
  readonly proxyAdminPort: number;
  readonly statusPort: number;
  /** Time connections are given to end after an update; 45 s */
  readonly drainDurationMs: number;
  /** Time between SIGTERM and the proxy's end; 5 s */
  readonly terminationDrainDurationMs: number;
  readonly serviceCluster: string;
  readonly extraStatTags: readonly string[];
  readonly statsMatcher: {
    readonly prefixes: readonly string[];
    readonly suffixes: readonly string[];
    readonly regexps: readonly string[];
  };
  readonly runtimeValues: Readonly<Record<string, string>>;
  /** Environment variables for the agent and the proxy; `ISTIO_META_*` among them become metadata. */
  readonly proxyMetadata: Readonly<Record<string, string>>;
  /** What was given, for the node's metadata. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** Fields of ProxyConfig that change what a proxy does and that the agent does not act on: told, never dropped in silence. */
const notHeeded = [
  "tracing",
  "sds",
  "envoyAccessLogService",
  "envoyMetricsService",
  "gatewayTopology",
  "privateKeyProvider",
  "proxyHeaders",
  "caCertificatesPem",
  "readinessProbe",
  "statsdUdpAddress",
  "zipkinAddress",
];

/**
 * Reads a ProxyConfig (the value of `PROXY_CONFIG`), JSON or YAML. Whatever is wrong is reported and the default stays; text that is
 * no mapping gives the defaults.
 */
export async function parseProxyConfig(text: string): Promise<{ value: ProxyConfig; problems: Problem[] }> {
  const problems: Problem[] = [];
  const complain = (path: string, message: string, severity: Problem["severity"] = "error") =>
    problems.push({
      severity,
      code: "bad-proxy-config",
      path: path === "" ? "PROXY_CONFIG" : `PROXY_CONFIG.${path}`,
      message,
    });
  const raw = await readMapping(text, (message) => complain("", message));
  for (const field of notHeeded) {
    if (raw[field] !== undefined)
      complain(field, "is not supported by this agent and has no effect", "warning");
  }
  const string = (field: string, fallback: string) => {
    const value = raw[field] ?? fallback;
    if (typeof value === "string") return value;
    complain(field, `must be text, is ${JSON.stringify(value)}`);
    return fallback;
  };
  const integer = (field: string, fallback: number, max: number) => {
    const value = raw[field] ?? fallback;
    if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max) return value;
    complain(field, `must be a whole number from 0 to ${max}, is ${JSON.stringify(value)}`);
    return fallback;
  };
  const duration = (field: string, fallback: number) => {
    const value = raw[field];
    if (value === undefined) return fallback;
    const ms = typeof value === "string" ? parseDuration(value) : undefined;
    if (ms !== undefined && ms >= 0) return ms;
    complain(field, `must be a duration such as "5s", is ${JSON.stringify(value)}`);
    return fallback;
  };
  const strings = (path: string, value: unknown): readonly string[] => {
    if (value === undefined) return [];
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    complain(path, "must be a list of text");
    return [];
  };
  const texts = (field: string): Readonly<Record<string, string>> => {
    const value = raw[field] ?? {};
    if (isMapping(value))
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, String(item)]));
    complain(field, "must be a mapping of text to text");
    return {};
  };
  const matcher = isMapping(raw.proxyStatsMatcher) ? raw.proxyStatsMatcher : {};
  const matched = (field: string) => strings(`proxyStatsMatcher.${field}`, matcher[field]);
  return {
    value: {
      configPath: string("configPath", "./etc/istio/proxy"),
      discoveryAddress: string("discoveryAddress", "localhost:15010"),
      concurrency: integer("concurrency", 2, 1024),
      proxyAdminPort: integer("proxyAdminPort", 15000, 65535),
      statusPort: integer("statusPort", 15020, 65535),
      drainDurationMs: duration("drainDuration", 45_000),
      terminationDrainDurationMs: duration("terminationDrainDuration", 5_000),
      serviceCluster: string("serviceCluster", "istio-proxy"),
      extraStatTags: strings("extraStatTags", raw.extraStatTags),
      statsMatcher: {
        prefixes: matched("inclusionPrefixes"),
        suffixes: matched("inclusionSuffixes"),
        regexps: matched("inclusionRegexps"),
      },
      runtimeValues: texts("runtimeValues"),
      proxyMetadata: texts("proxyMetadata"),
      raw,
    },
    problems,
  };
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

async function readMapping(
  text: string,
  complain: (message: string) => void,
): Promise<Record<string, unknown>> {
  if (text.trim() === "") return {};
  let value: unknown;
  try {
    // Injected pods carry JSON: the YAML parser (4 MB) is loaded only for what is not.
    value = text.trimStart().startsWith("{") ? JSON.parse(text) : (await import("yaml")).parse(text);
  } catch (error) {
    complain(`is neither JSON nor YAML: ${error instanceof Error ? error.message : String(error)}`);
    return {};
  }
  if (isMapping(value)) return value;
  complain("must be a mapping");
  return {};
}
