import type { MetadataMatcher } from "@weft/envoy-api/envoy/type/matcher/v3/metadata_pb.js";
import type { ValueMatcher } from "@weft/envoy-api/envoy/type/matcher/v3/value_pb.js";
import type { MetadataMatch, ValueMatch } from "@weft/matching";
import type { Problems } from "./problems.ts";
import { decodeStringMatcher } from "./route/matchers.ts";

/** What metadata must hold. */
export function decodeMetadataMatcher(
  message: MetadataMatcher,
  path: string,
  problems: Problems,
): MetadataMatch {
  return {
    filter: message.filter,
    path: message.path.map(({ segment }) => segment.value ?? ""),
    value: decodeValueMatcher(message.value, `${path}.value`, problems),
    invert: message.invert,
  };
}

/** What a value must be. */
export function decodeValueMatcher(
  message: ValueMatcher | undefined,
  path: string,
  problems: Problems,
): ValueMatch {
  const pattern = message?.matchPattern;
  switch (pattern?.case) {
    case "nullMatch":
      return { kind: "null" };
    case "doubleMatch": {
      const number = pattern.value.matchPattern;
      return number.case === "range"
        ? { kind: "range", start: number.value.start, end: number.value.end }
        : { kind: "number", value: number.value ?? 0 };
    }
    case "stringMatch":
      return {
        kind: "string",
        match: decodeStringMatcher(pattern.value, `${path}.string_match`, problems),
      };
    case "boolMatch":
      return { kind: "boolean", value: pattern.value };
    case "presentMatch":
      return { kind: "present", present: pattern.value };
    case "listMatch":
      return {
        kind: "one-of",
        match: decodeValueMatcher(pattern.value.matchPattern.value, `${path}.list_match.one_of`, problems),
      };
    case "orMatch":
      return {
        kind: "or",
        matches: pattern.value.valueMatchers.map((matcher, i) =>
          decodeValueMatcher(matcher, `${path}.or_match.value_matchers[${i}]`, problems),
        ),
      };
    default:
      problems.error(
        path,
        "missing",
        "needs one of null_match, double_match, string_match, bool_match, present_match, list_match, or_match",
      );
      return { kind: "or", matches: [] };
  }
}
