import type { StreamFormatter, StreamInfo } from "../runtime/stream-info.ts";
import { createOperator, type Operator } from "./operators.ts";

/** Thrown for a format that cannot be compiled. */
export class FormatError extends Error {
  override readonly name = "FormatError";
}

/** A JSON format: texts with operators, and objects and lists of them. */
export type JsonFormat =
  | string
  | number
  | boolean
  | null
  | readonly JsonFormat[]
  | { readonly [key: string]: JsonFormat };

/** Envoy's text format where none is configured. */
export const defaultFormat =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
  '%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" ' +
  '"%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n';

type Piece = string | Operator;

/**
 * Compiles a text with `%OPERATOR(argument):limit%`; `%%` is a percent sign.
 * @throws {FormatError} for operators that are not known, and for a `%` without its partner
 */
export function compileFormat(format: string, absent = "-"): StreamFormatter {
  const pieces = parse(format);
  const [only] = pieces;
  if (pieces.length === 1 && typeof only === "string") return () => only;
  return (info) => {
    let line = "";
    for (const piece of pieces) line += typeof piece === "string" ? piece : (piece(info) ?? absent);
    return line;
  };
}

/**
 * Compiles a JSON format to a line of JSON, keys in order. A value that is a single operator keeps its type, and is
 * null where it is not known, or left out where `omitEmpty`.
 * @throws {FormatError}
 */
export function compileJsonFormat(format: JsonFormat, omitEmpty = false): StreamFormatter {
  const build = compileJsonValue(format, omitEmpty);
  return (info) => `${JSON.stringify(build(info))}\n`;
}

function compileJsonValue(format: JsonFormat, omitEmpty: boolean): (info: StreamInfo) => unknown {
  if (typeof format === "string") {
    const pieces = parse(format);
    const [only] = pieces;
    if (pieces.length === 1 && typeof only === "function") return (info) => only(info) ?? null;
    return compileFormat(format);
  }
  if (Array.isArray(format)) {
    const items = format.map((item: JsonFormat) => compileJsonValue(item, omitEmpty));
    return (info) => items.map((item) => item(info));
  }
  if (typeof format !== "object" || format === null) return () => format;
  const entries = Object.entries(format)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => [key, compileJsonValue(value, omitEmpty)] as const);
  return (info) => {
    const object: Record<string, unknown> = {};
    for (const [key, value] of entries) {
      const found = value(info);
      if (found !== null || !omitEmpty) object[key] = found;
    }
    return object;
  };
}

const operatorPattern = /%%|%([A-Z][A-Z0-9_]*)(?:\(([^)]*)\))?(?::(\d+))?%/g;

function parse(format: string): Piece[] {
  const pieces: Piece[] = [];
  let literal = "";
  let position = 0;
  const addLiteral = (text: string) => {
    const stray = text.indexOf("%");
    if (stray !== -1) {
      throw new FormatError(
        `"${format}" has a % at ${position + stray} that begins no operator, write %% for the sign`,
      );
    }
    literal += text;
  };
  for (const match of format.matchAll(operatorPattern)) {
    const [all, name, argument = "", limit] = match;
    addLiteral(format.slice(position, match.index));
    position = match.index + all.length;
    if (name === undefined) {
      literal += "%";
      continue;
    }
    const operator = createOperator({ name, argument });
    if (operator === undefined)
      throw new FormatError(`"${format}" has the operator %${name}%, which is not known`);
    if (literal !== "") pieces.push(literal);
    literal = "";
    pieces.push(limit === undefined ? operator : truncated(operator, Number(limit)));
  }
  addLiteral(format.slice(position));
  if (literal !== "" || pieces.length === 0) pieces.push(literal);
  return pieces;
}

function truncated(operator: Operator, limit: number): Operator {
  return (info) => {
    const value = operator(info);
    return value === undefined ? undefined : String(value).slice(0, limit);
  };
}
