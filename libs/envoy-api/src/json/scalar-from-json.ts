import { type DescEnum, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { EnvoyJsonError } from "./error.ts";

/** Reads one JSON value at a path, or throws {@link EnvoyJsonError}. */
export type ReadScalar = (json: JsonValue, path: string) => unknown;

/** The reader of a scalar type: strict about type and range, lenient as proto JSON is (numbers as strings). */
export function scalarReader(scalar: ScalarType): ReadScalar {
  switch (scalar) {
    case ScalarType.STRING:
      return (json, path) => (typeof json === "string" ? json : fail(path, json, "a string"));
    case ScalarType.BOOL:
      return (json, path) => (typeof json === "boolean" ? json : fail(path, json, "true or false"));
    case ScalarType.BYTES:
      return readBytes;
    case ScalarType.DOUBLE:
      return (json, path) => readNumber(json, path, Number.MAX_VALUE);
    case ScalarType.FLOAT:
      return (json, path) => readNumber(json, path, 3.4028234663852886e38);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return (json, path) => Number(readInteger(json, path, 0n, 0xffff_ffffn));
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return (json, path) => Number(readInteger(json, path, -0x8000_0000n, 0x7fff_ffffn));
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return (json, path) => readInteger(json, path, 0n, 0xffff_ffff_ffff_ffffn);
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return (json, path) => readInteger(json, path, -0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn);
  }
}

/** The reader of an enum: a name, or a number, which need not be one that has a name (enums of proto3 are open). */
export function enumReader(type: DescEnum): ReadScalar {
  const byName = new Map(type.values.map((value) => [value.name, value.number]));
  return (json, path) => {
    if (typeof json === "string") {
      const number = byName.get(json);
      if (number !== undefined) return number;
      throw new EnvoyJsonError(path, `unknown value "${json}", allowed are ${[...byName.keys()].join(", ")}`);
    }
    return Number(readInteger(json, path, -0x8000_0000n, 0x7fff_ffffn));
  };
}

/** Throws: the value is not what is allowed. */
export function fail(path: string, json: JsonValue, allowed: string, options?: ErrorOptions): never {
  const text = JSON.stringify(json);
  throw new EnvoyJsonError(
    path,
    `${text.length > 60 ? `${text.slice(0, 60)}…` : text} is not ${allowed}`,
    options,
  );
}

function readBytes(json: JsonValue, path: string): Uint8Array {
  if (typeof json !== "string") fail(path, json, "a base64 string");
  try {
    return base64Decode(json);
  } catch {
    return fail(path, json, "a base64 string");
  }
}

const named: Readonly<Record<string, number>> = { NaN: Number.NaN, Infinity, "-Infinity": -Infinity };

function readNumber(json: JsonValue, path: string, max: number): number {
  if (typeof json === "string" && Object.hasOwn(named, json)) return named[json] ?? 0;
  const text = typeof json === "string" && json.trim() === json && json !== "";
  const value = typeof json === "number" ? json : text ? Number(json) : Number.NaN;
  return Math.abs(value) <= max ? value : fail(path, json, "a number in range");
}

function readInteger(json: JsonValue, path: string, min: bigint, max: bigint): bigint {
  const allowed = `an integer from ${min} to ${max}`;
  if (
    typeof json === "number"
      ? !Number.isInteger(json)
      : !(typeof json === "string" && /^-?\d{1,20}$/.test(json))
  )
    return fail(path, json, allowed);
  const value = BigInt(json as number | string);
  return value >= min && value <= max ? value : fail(path, json, allowed);
}
