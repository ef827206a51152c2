import { assertNever } from "@weft/base";
import { asciiLower } from "./ascii.ts";
import { compileRegex, type TextMatcher } from "./regex.ts";

/** How a text is compared; `ignoreCase` is about ASCII letters. A regex must match the whole text. */
export type StringMatch =
  | {
      readonly kind: "exact" | "prefix" | "suffix" | "contains";
      readonly value: string;
      readonly ignoreCase?: boolean;
    }
  | { readonly kind: "regex"; readonly pattern: string };

/**
 * Compiles to a test of a text.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/type/matcher/v3/string.proto
 * @throws {MatcherError} for a pattern that RE2 would refuse
 */
export function compileString(match: StringMatch): TextMatcher {
  if (match.kind === "regex") return compileRegex(match.pattern);
  if (match.ignoreCase !== true) return compare(match.kind, match.value);
  const test = compare(match.kind, asciiLower(match.value));
  return (text) => test(asciiLower(text));
}

function compare(kind: "exact" | "prefix" | "suffix" | "contains", value: string): TextMatcher {
  switch (kind) {
    case "exact":
      return (text) => text === value;
    case "prefix":
      return (text) => text.startsWith(value);
    case "suffix":
      return (text) => text.endsWith(value);
    case "contains":
      return (text) => text.includes(value);
    default:
      return assertNever(kind);
  }
}
