import type { DescField, DescMessage, JsonObject, JsonValue, Message } from "@bufbuild/protobuf";
import { formatProtoDuration, parseDuration } from "@weft/base";
import { envoyRegistry, fromEnvoyJson, typeNameOf } from "@weft/envoy-api";

const typedStructs = new Set(["udpa.type.v1.TypedStruct", "xds.type.v3.TypedStruct"]);
const protoDuration = /^-?\d+(\.\d+)?s$/;

function isObject(json: JsonValue | undefined): json is JsonObject {
  return json !== null && typeof json === "object" && !Array.isArray(json);
}

/** A TypedStruct says a type and its fields; where Envoy's API has the type, it is the same as an Any of it. */
function normalizeAny(json: JsonObject): JsonValue {
  const typeUrl = json["@type"];
  if (typeof typeUrl !== "string") return json;
  if (typedStructs.has(typeNameOf(typeUrl))) {
    const { type_url, typeUrl: camel, value = {} } = json;
    const inner = type_url ?? camel;
    if (typeof inner !== "string" || !isObject(value)) return json;
    return envoyRegistry.getMessage(typeNameOf(inner)) ? normalizeAny({ "@type": inner, ...value }) : json;
  }
  const schema = envoyRegistry.getMessage(typeNameOf(typeUrl));
  if (schema === undefined || schema.typeName.startsWith("google.protobuf.")) return json;
  const { "@type": _type, ...fields } = json;
  const normalized = normalize(schema, fields);
  return isObject(normalized) ? { "@type": typeUrl, ...normalized } : json;
}

/** `500ms` and `1m`, which Istio takes, as protobuf writes durations. */
function normalizeDuration(json: JsonValue): JsonValue {
  if (typeof json !== "string" || protoDuration.test(json)) return json;
  const ms = parseDuration(json);
  return ms === undefined ? json : formatProtoDuration(ms);
}

function normalizeField(field: DescField, json: JsonValue): JsonValue {
  const { message } = field;
  if (message === undefined) return json;
  if (field.fieldKind === "list" && Array.isArray(json)) return json.map((item) => normalize(message, item));
  if (field.fieldKind === "map" && isObject(json))
    return Object.fromEntries(Object.entries(json).map(([key, item]) => [key, normalize(message, item)]));
  return field.fieldKind === "message" ? normalize(message, json) : json;
}

function normalize(schema: DescMessage, json: JsonValue): JsonValue {
  if (schema.typeName === "google.protobuf.Duration") return normalizeDuration(json);
  if (!isObject(json)) return json;
  if (schema.typeName === "google.protobuf.Any") return normalizeAny(json);
  if (schema.typeName.startsWith("google.protobuf.")) return json;
  const fields = new Map(
    schema.fields.flatMap((field) => [[field.name, field] as const, [field.jsonName, field] as const]),
  );
  return Object.fromEntries(
    Object.entries(json).map(([key, item]) => {
      const field = fields.get(key);
      return [key, field === undefined ? item : normalizeField(field, item)];
    }),
  );
}

/**
 * Reads the value of a patch: Envoy's JSON, with durations in Istio's spelling too, and a TypedStruct of a known type
 * taken for what it stands for.
 * @throws {EnvoyJsonError} with the path of the first value that is wrong
 */
export function readValue(schema: DescMessage, json: JsonValue): Message {
  return fromEnvoyJson(schema, normalize(schema, json));
}
