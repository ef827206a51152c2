import type { JsonValue } from "@bufbuild/protobuf";
import { EnvoyJsonError, fromEnvoyJson } from "@weft/envoy-api";
import { type Bootstrap, BootstrapSchema } from "@weft/envoy-api/envoy/config/bootstrap/v3/bootstrap_pb.js";
import { parse as parseYaml } from "yaml";

/** Thrown where a bootstrap cannot be read; the message says where and why. */
export class BootstrapError extends Error {
  override readonly name = "BootstrapError";
}

/**
 * Reads a bootstrap from JSON or YAML text, and lays further ones over it: objects are merged, lists appended,
 * other values replaced, as Envoy does with `--config-yaml`.
 * @throws {BootstrapError}
 */
export function parseBootstrap(texts: readonly string[]): Bootstrap {
  const [first, ...rest] = texts.map(readText);
  const merged = rest.reduce(merge, first ?? {});
  try {
    return fromEnvoyJson(BootstrapSchema, merged);
  } catch (error) {
    if (error instanceof EnvoyJsonError) throw new BootstrapError(error.message, { cause: error });
    throw error;
  }
}

function readText(text: string): JsonValue {
  try {
    // JSON is read by its own, much faster parser; what is no JSON may still be YAML.
    return JSON.parse(text) as JsonValue;
  } catch (jsonError) {
    if (text.trimStart().startsWith("{")) {
      throw new BootstrapError(`not valid JSON: ${(jsonError as Error).message}`, { cause: jsonError });
    }
  }
  try {
    return (parseYaml(text) ?? {}) as JsonValue;
  } catch (error) {
    throw new BootstrapError(`not valid YAML: ${(error as Error).message}`, { cause: error });
  }
}

const isObject = (value: JsonValue | undefined): value is { [key: string]: JsonValue } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function merge(below: JsonValue, above: JsonValue): JsonValue {
  if (Array.isArray(below) && Array.isArray(above)) return [...below, ...above];
  if (!isObject(below) || !isObject(above)) return above;
  const merged = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const present = merged[key];
    merged[key] = present === undefined ? value : merge(present, value);
  }
  return merged;
}
