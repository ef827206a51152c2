import { type Problem, parseDuration, type WithProblems } from "@weft/base";
import { defaultMeshConfig, type MeshConfig } from "@weft/istio-api";

type Raw = Readonly<Record<string, unknown>>;

/** How the value of one field is read: what it must be, for the message, and the value, undefined where it is something else. */
interface Reader {
  readonly expected: string;
  readonly read: (value: unknown) => unknown;
}

const string: Reader = { expected: "text", read: (value) => (typeof value === "string" ? value : undefined) };
const boolean: Reader = {
  expected: "true or false",
  read: (value) => (typeof value === "boolean" ? value : undefined),
};
const port: Reader = {
  expected: "a port, 0 to 65535",
  read: (value) =>
    typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 65535 ? value : undefined,
};
const duration: Reader = {
  expected: 'a duration such as "10s"',
  read: (value) => (typeof value === "string" ? parseDuration(value) : undefined),
};
const strings: Reader = {
  expected: "a list of text",
  read: (value) =>
    Array.isArray(value) && value.every((item) => typeof item === "string") ? value : undefined,
};
const mapping: Reader = { expected: "a mapping", read: (value) => (isMapping(value) ? value : undefined) };
const mappings: Reader = {
  expected: "a list of mappings",
  read: (value) => (Array.isArray(value) && value.every(isMapping) ? value : undefined),
};
const count: Reader = {
  expected: "a whole number",
  read: (value) => (typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : undefined),
};
/** A mapping of fields that are there as written, each in its own form; what has no form here is kept as it is. */
const mappingOf = (forms: Readonly<Record<string, Reader>>): Reader => ({
  expected: `a mapping with ${Object.entries(forms)
    .map(([name, { expected }]) => `${name}: ${expected}`)
    .join(", ")}`,
  read: (value) => {
    if (!isMapping(value)) return undefined;
    const sound = Object.entries(forms).every(
      ([name, { read }]) => value[name] === undefined || read(value[name]) !== undefined,
    );
    return sound ? value : undefined;
  },
});
const oneOf = (...allowed: readonly string[]): Reader => ({
  expected: allowed.join(" or "),
  read: (value) => (typeof value === "string" && allowed.includes(value) ? value : undefined),
});
const mode = (...allowed: readonly string[]): Reader => ({
  expected: `{mode: ${allowed.join(" or ")}}`,
  read: (value) => (isMapping(value) ? oneOf(...allowed).read(value.mode) : undefined),
});

const retries = mappingOf({
  attempts: count,
  perTryTimeout: duration,
  retryOn: string,
  retryRemoteLocalities: boolean,
  retryIgnorePreviousHosts: boolean,
  backoff: duration,
});

/** The fields of MeshConfig that are read: their name in YAML, their name in {@link MeshConfig}, and how. */
const fields: readonly (readonly [name: string, field: keyof MeshConfig, reader: Reader])[] = [
  ["trustDomain", "trustDomain", string],
  ["trustDomainAliases", "trustDomainAliases", strings],
  ["rootNamespace", "rootNamespace", string],
  ["connectTimeout", "connectTimeoutMs", duration],
  ["protocolDetectionTimeout", "protocolDetectionTimeoutMs", duration],
  ["dnsRefreshRate", "dnsRefreshRateMs", duration],
  ["enableAutoMtls", "enableAutoMtls", boolean],
  [
    "outboundTrafficPolicy",
    "outboundTrafficPolicy",
    mode("ALLOW_ANY", "REGISTRY_ONLY", "ALLOW_ANY_DYNAMIC_DNS"),
  ],
  ["inboundTrafficPolicy", "inboundTrafficPolicy", mode("PASSTHROUGH", "LOCALHOST")],
  ["proxyListenPort", "proxyListenPort", port],
  ["proxyInboundListenPort", "proxyInboundListenPort", port],
  ["proxyHttpPort", "proxyHttpPort", port],
  ["accessLogFile", "accessLogFile", string],
  ["accessLogFormat", "accessLogFormat", string],
  ["accessLogEncoding", "accessLogEncoding", oneOf("TEXT", "JSON")],
  ["defaultServiceExportTo", "defaultServiceExportTo", strings],
  ["defaultVirtualServiceExportTo", "defaultVirtualServiceExportTo", strings],
  ["defaultDestinationRuleExportTo", "defaultDestinationRuleExportTo", strings],
  ["h2UpgradePolicy", "h2UpgradePolicy", oneOf("DO_NOT_UPGRADE", "UPGRADE")],
  ["localityLbSetting", "localityLbSetting", mapping],
  ["defaultHttpRetryPolicy", "defaultHttpRetryPolicy", retries],
  ["defaultInboundHttpRetryPolicy", "defaultInboundHttpRetryPolicy", retries],
  ["ingressClass", "ingressClass", string],
  ["ingressControllerMode", "ingressControllerMode", oneOf("UNSPECIFIED", "OFF", "DEFAULT", "STRICT")],
  ["ingressService", "ingressService", string],
  ["ingressSelector", "ingressSelector", string],
  ["enableTracing", "enableTracing", boolean],
  ["enablePrometheusMerge", "enablePrometheusMerge", boolean],
  ["extensionProviders", "extensionProviders", mappings],
  [
    "defaultProviders",
    "defaultProviders",
    mappingOf({ accessLogging: strings, metrics: strings, tracing: strings }),
  ],
  ["tcpKeepalive", "tcpKeepalive", mappingOf({ probes: count, time: duration, interval: duration })],
];

const pathNormalizations = oneOf("DEFAULT", "NONE", "BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES");

function isMapping(value: unknown): value is Raw {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/**
 * Decodes a mesh configuration (a parsed `mesh` YAML) over Istio's defaults. A field of the wrong kind is an error and keeps its default;
 * a field that is not read is a warning. https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/
 */
export function decodeMeshConfig(raw: unknown): WithProblems<MeshConfig> {
  const problems: Problem[] = [];
  const complain = (path: string, message: string, severity: Problem["severity"] = "error") =>
    problems.push({ severity, code: "bad-mesh-config", path, message });
  if (raw === null || raw === undefined) return { value: defaultMeshConfig, problems };
  if (!isMapping(raw)) {
    complain("", "the mesh configuration must be a mapping");
    return { value: defaultMeshConfig, problems };
  }
  const config: Record<string, unknown> = { ...defaultMeshConfig };
  const take = (path: string, value: unknown, reader: Reader, field: keyof MeshConfig) => {
    const read = reader.read(value);
    if (read === undefined) complain(path, `must be ${reader.expected}, is ${JSON.stringify(value)}`);
    else config[field] = read;
  };
  for (const [name, value] of Object.entries(raw)) {
    const known = fields.find(([yamlName]) => yamlName === name);
    if (known !== undefined) take(name, value, known[2], known[1]);
    else if (name === "pathNormalization" && isMapping(value)) {
      take("pathNormalization.normalization", value.normalization, pathNormalizations, "pathNormalization");
    } else complain(name, "is not read and has no effect", "warning");
  }
  // Every field was read by the reader of its type.
  return { value: config as unknown as MeshConfig, problems };
}
