import {
  create,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Message,
  type MessageShape,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { AnySchema, isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { typeNameOf } from "../any.ts";
import { envoyRegistry, type TypeRegistry } from "../registry.ts";
import { EnvoyJsonError } from "./error.ts";
import { enumReader, fail, type ReadScalar, scalarReader } from "./scalar-from-json.ts";
import { opaqueTypeUrl, wellKnownJsonTypes } from "./special-types.ts";

/** How deep messages may be nested; Envoy's own limit is protobuf's, 100. */
const depthLimit = 100;

/**
 * Reads Envoy's JSON: proto field names or their lowerCamelCase form, unknown fields refused, `null` for an absent
 * field, an Any by its `@type`, which the registry must know (or in the form that `toEnvoyJson` gives unknown types).
 * @throws {EnvoyJsonError} with the path of the first value that is wrong
 */
export function fromEnvoyJson<Desc extends DescMessage>(
  schema: Desc,
  json: JsonValue,
  registry: TypeRegistry = envoyRegistry,
): MessageShape<Desc> {
  return readMessage(schema, json, { path: "", depth: 0, registry }) as MessageShape<Desc>;
}

interface Place {
  readonly path: string;
  readonly depth: number;
  readonly registry: TypeRegistry;
}

type Read = (json: JsonValue, place: Place) => unknown;

interface FieldReader {
  readonly field: DescField;
  readonly read: Read;
}

/** Compiled once per message type: readers by both names of each field. */
const compiled = new WeakMap<DescMessage, ReadonlyMap<string, FieldReader>>();

function readMessage(schema: DescMessage, json: JsonValue, place: Place): Message {
  if (place.depth > depthLimit)
    throw new EnvoyJsonError(place.path, `nested deeper than ${depthLimit} messages`);
  if (wellKnownJsonTypes.has(schema.typeName)) return readWellKnown(schema, json, place);
  if (!isObject(json)) return fail(place.path, json, `an object (${schema.typeName})`);
  if (schema.typeName === "google.protobuf.Any") return readAny(json, place);
  const readers = readersOf(schema);
  const message = create(schema);
  const target = message as unknown as Record<string, unknown>;
  const seen = new Set<object>();
  for (const [key, value] of Object.entries(json)) {
    const path = place.path === "" ? key : `${place.path}.${key}`;
    const reader = readers.get(key);
    if (reader === undefined) throw new EnvoyJsonError(path, `${schema.typeName} has no field of this name`);
    const { field, read } = reader;
    if (value === null && !takesNull(field)) continue;
    const slot = field.oneof ?? field;
    if (seen.has(slot)) {
      throw new EnvoyJsonError(path, `given twice, or beside another field of the oneof ${slot.name}`);
    }
    seen.add(slot);
    const result = read(value, { path, depth: place.depth + 1, registry: place.registry });
    target[slot.localName] = field.oneof ? { case: field.localName, value: result } : result;
  }
  return message;
}

function readersOf(schema: DescMessage): ReadonlyMap<string, FieldReader> {
  let readers = compiled.get(schema);
  if (readers === undefined) {
    const byName = new Map<string, FieldReader>();
    for (const field of schema.fields) {
      const reader = { field, read: compileField(field) };
      byName.set(field.jsonName, reader).set(field.name, reader);
    }
    compiled.set(schema, byName);
    readers = byName;
  }
  return readers;
}

function takesNull(field: DescField): boolean {
  return (
    (field.fieldKind === "message" && field.message.typeName === "google.protobuf.Value") ||
    (field.fieldKind === "enum" && field.enum.typeName === "google.protobuf.NullValue")
  );
}

function compileField(field: DescField): Read {
  const readItem = compileItem(field);
  switch (field.fieldKind) {
    case "list":
      return (json, place) => {
        if (!Array.isArray(json)) return fail(place.path, json, "a list");
        return json.map((item, index) => readItem(item, { ...place, path: `${place.path}[${index}]` }));
      };
    case "map": {
      const readKey = field.mapKey === ScalarType.BOOL ? readBoolKey : scalarReader(field.mapKey);
      return (json, place) => {
        if (!isObject(json)) return fail(place.path, json, "an object");
        const entries = Object.entries(json).map(([key, item]) => {
          const path = `${place.path}[${JSON.stringify(key)}]`;
          return [String(readKey(key, path)), readItem(item, { ...place, path })];
        });
        return Object.fromEntries(entries);
      };
    }
    case "message": {
      // protobuf-es holds the wrapper types as bare values where they are fields outside a oneof.
      const inner = isWrapperDesc(field.message) && !field.oneof ? field.message.fields[0] : undefined;
      if (inner?.fieldKind !== "scalar") return readItem;
      const read = scalarReader(inner.scalar);
      return (json, place) => read(json, place.path);
    }
    default:
      return readItem;
  }
}

function compileItem(field: DescField): Read {
  if (field.message !== undefined) {
    const type = field.message;
    if (type.typeName === "google.protobuf.Struct") return readStruct;
    return (json, place) => readMessage(type, json, place);
  }
  if (field.enum?.typeName === "google.protobuf.NullValue") return () => 0;
  const read = field.enum ? enumReader(field.enum) : scalarReader(field.scalar ?? ScalarType.STRING);
  return (json, place) => read(json, place.path);
}

const readBoolKey: ReadScalar = (json, path) =>
  json === "true" || json === "false" ? json : fail(path, json, "true or false");

/** protobuf-es holds Struct fields as JSON objects; the copy keeps the message apart from its source. */
function readStruct(json: JsonValue, place: Place): JsonObject {
  return isObject(json) ? structuredClone(json) : fail(place.path, json, "an object");
}

function readWellKnown(schema: DescMessage, json: JsonValue, place: Place): Message {
  try {
    return fromJson(schema, json);
  } catch (cause) {
    const allowed =
      schema.typeName === "google.protobuf.Duration"
        ? 'a duration in seconds such as "1.5s"'
        : `a ${schema.typeName}`;
    return fail(place.path, json, allowed, { cause });
  }
}

function readAny(json: JsonObject, place: Place): Message {
  const { "@type": typeUrl, ...rest } = json;
  if (typeUrl === undefined && Object.keys(rest).length === 0) return create(AnySchema);
  if (typeof typeUrl !== "string")
    throw new EnvoyJsonError(place.path, 'an Any needs its type URL in "@type"');
  const opaque = typeUrl === opaqueTypeUrl ? readOpaque(rest, place.path) : undefined;
  if (opaque !== undefined) return opaque;
  const schema = place.registry.getMessage(typeNameOf(typeUrl));
  if (schema === undefined) throw new EnvoyJsonError(place.path, `unknown message type ${typeUrl}`);
  const special = wellKnownJsonTypes.has(schema.typeName);
  if (special && rest.value === undefined) {
    throw new EnvoyJsonError(place.path, `an Any of ${schema.typeName} needs "value" beside "@type"`);
  }
  const message = readMessage(schema, special ? (rest.value as JsonValue) : rest, {
    ...place,
    depth: place.depth + 1,
  });
  return create(AnySchema, { typeUrl, value: toBinary(schema, message) });
}

/** The form in which `toEnvoyJson` shows an Any of unknown type. */
function readOpaque(json: JsonObject, path: string): Message | undefined {
  const { type_url: typeUrl, value } = json;
  if (typeof typeUrl !== "string" || value === undefined || !isObject(value)) return undefined;
  const base64 = value.base64;
  if (base64 === undefined || Object.keys(value).length !== 1) return undefined;
  const bytes = scalarReader(ScalarType.BYTES)(base64, `${path}.value.base64`);
  return create(AnySchema, { typeUrl, value: bytes as Uint8Array });
}

function isObject(json: JsonValue): json is JsonObject {
  return json !== null && typeof json === "object" && !Array.isArray(json);
}
