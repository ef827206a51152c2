import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { envoyRegistry, typeNameOf } from "@weft/envoy-api";

/** Messages whose JSON has names of the user's own: their keys stay. */
const asIs: ReadonlySet<string> = new Set([
  "google.protobuf.Struct",
  "google.protobuf.Value",
  "google.protobuf.ListValue",
]);

type Json = Readonly<Record<string, unknown>>;

/**
 * Turns the proto field names (`connect_timeout`) of a message's JSON into lowerCamelCase (`connectTimeout`), as istioctl prints them.
 * Keys of maps and structs stay as they are, and so does whatever is of a type that is not known.
 */
export function toCamelCase(typeName: string, json: unknown): unknown {
  const schema = envoyRegistry.getMessage(typeName);
  return schema === undefined ? json : ofMessage(schema, json);
}

function isObject(value: unknown): value is Json {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function ofMessage(schema: DescMessage, json: unknown): unknown {
  if (!isObject(json) || asIs.has(schema.typeName)) return json;
  const typeUrl = json["@type"];
  if (typeof typeUrl === "string") {
    const { "@type": _type, ...fields } = json;
    const packed = envoyRegistry.getMessage(typeNameOf(typeUrl));
    const content = packed === undefined ? fields : ofMessage(packed, fields);
    return { "@type": typeUrl, ...(content as Json) }; // an object in, an object out
  }
  const fields = new Map(
    schema.fields.flatMap((field) => [[field.name, field] as const, [field.jsonName, field] as const]),
  );
  return Object.fromEntries(
    Object.entries(json).map(([name, value]) => {
      const field = fields.get(name);
      return field === undefined ? [name, value] : [field.jsonName, ofField(field, value)];
    }),
  );
}

function ofField(field: DescField, value: unknown): unknown {
  if (field.message === undefined) return value;
  const { message } = field;
  if (field.fieldKind === "list" && Array.isArray(value))
    return value.map((item) => ofMessage(message, item));
  if (field.fieldKind === "map" && isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, ofMessage(message, item)]));
  }
  return ofMessage(message, value);
}
