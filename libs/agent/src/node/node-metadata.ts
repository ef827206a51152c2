import type { Problem } from "@weft/base";
import type { ProxyConfig } from "./proxy-config.ts";

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

const metaPrefix = "ISTIO_META_";
const metaJsonPrefix = "ISTIO_METAJSON_";

/** Variables that Istio's templates set beside the `ISTIO_META_*` ones, and the metadata field each of them is. */
const plainVariables: readonly (readonly [variable: string, field: string])[] = [
  ["POD_NAMESPACE", "NAMESPACE"],
  ["POD_NAME", "NAME"],
  ["SERVICE_ACCOUNT", "SERVICE_ACCOUNT"],
  ["TRUST_DOMAIN", "TRUST_DOMAIN"],
];

/** The fields that are objects: their variables' text is JSON. */
const objectFields: ReadonlySet<string> = new Set(["LABELS", "ANNOTATIONS", "PLATFORM_METADATA"]);

/**
 * Builds the node metadata from the environment: `ISTIO_META_<FIELD>=text`, `ISTIO_METAJSON_<ANY>={"FIELD":…}` (each key of the
 * object is a field), and the pod's own variables. A broken JSON value is reported and left out.
 */
export function buildNodeMetadata(
  env: Environment,
  instanceIps: readonly string[],
  proxyConfig: ProxyConfig,
): { value: Readonly<Record<string, unknown>>; problems: Problem[] } {
  const problems: Problem[] = [];
  const metadata: Record<string, unknown> = {};
  for (const [variable, field] of plainVariables) {
    const value = env[variable];
    if (value) metadata[field] = value;
  }
  for (const [variable, value] of Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (value === undefined) continue;
    if (variable.startsWith(metaJsonPrefix)) {
      const object = parseObject(variable, value, problems);
      // `LABELS` and `ANNOTATIONS` may come in several variables: their entries add up.
      for (const [field, inner] of Object.entries(object ?? {})) {
        metadata[field] =
          isObject(inner) && isObject(metadata[field]) ? { ...metadata[field], ...inner } : inner;
      }
    } else if (variable.startsWith(metaPrefix)) {
      const field = variable.slice(metaPrefix.length);
      const parsed = objectFields.has(field) ? parseObject(variable, value, problems) : value;
      if (parsed !== undefined) metadata[field] = parsed;
    }
  }
  metadata.INSTANCE_IPS = instanceIps.join(",");
  metadata.PROXY_CONFIG = proxyConfig.raw;
  metadata.NAMESPACE ??= "default";
  metadata.INTERCEPTION_MODE ??= "REDIRECT";
  metadata.CLUSTER_ID ??= "Kubernetes";
  metadata.MESH_ID ??= (metadata.TRUST_DOMAIN as string | undefined) ?? "cluster.local"; // text by the loop above
  return { value: metadata, problems };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function parseObject(
  variable: string,
  text: string,
  problems: Problem[],
): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // reported below, together with JSON of another type
  }
  problems.push({
    severity: "error",
    code: "bad-environment",
    path: variable,
    message: `is not a JSON object: ${JSON.stringify(text.slice(0, 80))}`,
  });
  return undefined;
}
