import {
  type DescField,
  type DescMessage,
  fromBinary,
  isFieldSet,
  type JsonObject,
  type JsonValue,
  type Message,
  type MessageShape,
  ScalarType,
  toJson,
} from "@bufbuild/protobuf";
import { base64Encode } from "@bufbuild/protobuf/wire";
import { type Any, isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { assert } from "@weft/base";
import { typeNameOf } from "../any.ts";
import { envoyRegistry, type TypeRegistry } from "../registry.ts";
import { opaqueTypeUrl, wellKnownJsonTypes } from "./special-types.ts";

/**
 * Writes a message as Envoy's JSON: proto field names (snake_case), fields without presence left out where they have
 * their default, durations as `10s`, 64-bit integers as strings, enums by name, bytes in base64, an Any flattened
 * beside its `@type`. https://protobuf.dev/programming-guides/json/
 *
 * An Any of a type that the registry does not know, or whose bytes are none of its type, comes out as
 * `{"@type": "type.googleapis.com/xds.type.v3.TypedStruct", "type_url": …, "value": {"base64": …}}`;
 * `fromEnvoyJson` turns that back into the same Any.
 *
 * The message itself is a resource or a part of one, not one of protobuf's well-known types such as Duration.
 */
export function toEnvoyJson<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  registry: TypeRegistry = envoyRegistry,
): JsonObject {
  const json = writeMessage(schema, message, registry);
  assert(isObject(json), `${schema.typeName} is no object in JSON`);
  return json;
}

type Write = (value: unknown, registry: TypeRegistry) => JsonValue;

interface FieldWriter {
  readonly field: DescField;
  readonly get: (message: Record<string, unknown>) => unknown;
  readonly write: Write;
}

/** Compiled once per message type. */
const compiled = new WeakMap<DescMessage, readonly FieldWriter[]>();

function writeMessage(schema: DescMessage, message: Message, registry: TypeRegistry): JsonValue {
  if (schema.typeName === "google.protobuf.Any") return writeAny(message as Any, registry);
  if (wellKnownJsonTypes.has(schema.typeName)) return toJson(schema, message);
  let writers = compiled.get(schema);
  if (writers === undefined) {
    writers = schema.fields.map(compileField);
    compiled.set(schema, writers);
  }
  const json: JsonObject = {};
  for (const { field, get, write } of writers) {
    if (isFieldSet(message, field)) json[field.name] = write(get(message as never), registry);
  }
  return json;
}

function writeAny(any: Any, registry: TypeRegistry): JsonValue {
  if (any.typeUrl === "") return {};
  const schema = registry.getMessage(typeNameOf(any.typeUrl));
  if (schema !== undefined) {
    try {
      const json = writeMessage(schema, fromBinary(schema, any.value), registry);
      const special = !isObject(json) || wellKnownJsonTypes.has(schema.typeName);
      return { "@type": any.typeUrl, ...(special ? { value: json } : json) };
    } catch {
      // The bytes are no message of this type: shown as they are, for a dump must show what is there.
    }
  }
  return { "@type": opaqueTypeUrl, type_url: any.typeUrl, value: { base64: base64Encode(any.value) } };
}

function compileField(field: DescField): FieldWriter {
  const oneof = field.oneof;
  const get =
    oneof === undefined
      ? (message: Record<string, unknown>) => message[field.localName]
      : (message: Record<string, unknown>) => (message[oneof.localName] as { value: unknown }).value;
  return { field, get, write: compileValue(field) };
}

function compileValue(field: DescField): Write {
  switch (field.fieldKind) {
    case "list": {
      const write = compileItem(field);
      return (value, registry) => (value as unknown[]).map((item) => write(item, registry));
    }
    case "map": {
      const write = compileItem(field);
      return (value, registry) =>
        Object.fromEntries(
          Object.entries(value as Record<string, unknown>).map(([key, item]) => [key, write(item, registry)]),
        );
    }
    case "message": {
      // protobuf-es holds the wrapper types as bare values where they are fields outside a oneof.
      const inner = isWrapperDesc(field.message) && !field.oneof ? field.message.fields[0] : undefined;
      return inner?.fieldKind === "scalar" ? scalarWriter(inner.scalar) : compileItem(field);
    }
    default:
      return compileItem(field);
  }
}

/** One value of a field: of a list, of a map, or the field's own. */
function compileItem(field: DescField): Write {
  if (field.message !== undefined) {
    const type = field.message;
    // protobuf-es holds Struct fields as JSON objects.
    if (type.typeName === "google.protobuf.Struct") return (value) => value as JsonObject;
    return (value, registry) => writeMessage(type, value as Message, registry);
  }
  if (field.enum !== undefined) {
    const type = field.enum;
    if (type.typeName === "google.protobuf.NullValue") return () => null;
    return (value) => type.value[value as number]?.name ?? (value as number);
  }
  return scalarWriter(field.scalar ?? ScalarType.STRING);
}

function scalarWriter(scalar: ScalarType): Write {
  switch (scalar) {
    case ScalarType.BYTES:
      return (value) => base64Encode(value as Uint8Array);
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return (value) => String(value);
    case ScalarType.DOUBLE:
      return (value) => writeNumber(value as number);
    case ScalarType.FLOAT:
      return (value) => writeNumber(shortestFloat(value as number));
    default:
      return (value) => value as JsonValue;
  }
}

function writeNumber(value: number): JsonValue {
  return Number.isFinite(value) ? value : Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

/** The shortest decimal that is the same 32-bit float: 0.1, not 0.10000000149011612. */
function shortestFloat(value: number): number {
  for (let digits = 6; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return value;
}

function isObject(json: JsonValue): json is JsonObject {
  return json !== null && typeof json === "object" && !Array.isArray(json);
}
