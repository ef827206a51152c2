import { assertNever } from "@weft/base";
import { compileString, type StringMatch } from "./string.ts";

/**
 * What a value of JSON's kinds must be. `or`: one of several; `one-of`: a list, of which an element is that; `range`:
 * a number from `start` up to but not including `end`. A value that is missing matches nothing.
 */
export type ValueMatch =
  | { readonly kind: "null" }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "range"; readonly start: number; readonly end: number }
  | { readonly kind: "string"; readonly match: StringMatch }
  | { readonly kind: "boolean"; readonly value: boolean }
  | { readonly kind: "present"; readonly present: boolean }
  | { readonly kind: "one-of"; readonly match: ValueMatch }
  | { readonly kind: "or"; readonly matches: readonly ValueMatch[] };

/** What the metadata of a filter must hold at a path of keys. */
export interface MetadataMatch {
  readonly filter: string;
  readonly path: readonly string[];
  readonly value: ValueMatch;
  readonly invert?: boolean;
}

/** Gives the metadata of a filter; undefined where there is none. */
export type MetadataSource = (filter: string) => unknown;

/**
 * Compiles to a test of a value.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/type/matcher/v3/value.proto
 * @throws {MatcherError} for a pattern that RE2 would refuse
 */
export function compileValue(match: ValueMatch): (value: unknown) => boolean {
  switch (match.kind) {
    case "null":
      return (value) => value === null;
    case "number":
    case "boolean":
      return (value) => value === match.value;
    case "range":
      return (value) => typeof value === "number" && value >= match.start && value < match.end;
    case "string": {
      const test = compileString(match.match);
      return (value) => typeof value === "string" && test(value);
    }
    case "present":
      // As in Envoy `present: false` matches nothing, not even what is missing.
      return (value) => match.present && value !== undefined;
    case "one-of": {
      const test = compileValue(match.match);
      return (value) => Array.isArray(value) && value.some(test);
    }
    case "or": {
      const tests = match.matches.map(compileValue);
      return (value) => tests.some((test) => test(value));
    }
    default:
      return assertNever(match);
  }
}

/**
 * Compiles to a test of metadata. A key is looked up in objects only, among their own properties.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/type/matcher/v3/metadata.proto
 * @throws {MatcherError} for a pattern that RE2 would refuse
 */
export function compileMetadata(match: MetadataMatch): (source: MetadataSource) => boolean {
  const { filter, path, invert = false } = match;
  const test = compileValue(match.value);
  return (source) => {
    let value = source(filter);
    for (const key of path) value = propertyOf(value, key);
    return test(value) !== invert;
  };
}

function propertyOf(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, key))
    return undefined;
  return (value as Readonly<Record<string, unknown>>)[key]; // it has it, as was just seen
}
