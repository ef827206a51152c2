import { assertNever } from "@weft/base";
import { asciiLower } from "./ascii.ts";
import type { RequestView } from "./request-view.ts";
import { compileString, type StringMatch } from "./string.ts";

/** What one header must be. https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-headermatcher */
export interface HeaderMatch {
  /** Header name in any case; `:method`, `:path`, `:authority` and `:scheme` too. */
  readonly name: string;
  readonly value: HeaderValueMatch;
  /** Turns the outcome round. A missing header matches neither way, unless `value` is about presence. */
  readonly invert?: boolean;
  /** Takes a missing header for one with an empty value. */
  readonly treatMissingAsEmpty?: boolean;
}

/** A test of the header's value: as text, as an integer from `start` up to but not including `end`, or of presence. */
export type HeaderValueMatch =
  | { readonly kind: "string"; readonly match: StringMatch }
  | { readonly kind: "range"; readonly start: number | bigint; readonly end: number | bigint }
  | { readonly kind: "present"; readonly present: boolean };

/** Tests something of a request's head. */
export type HeadMatcher = (request: RequestView) => boolean;

/**
 * Compiles to a test of a request's header.
 * @throws {MatcherError} for a pattern that RE2 would refuse
 */
export function compileHeader(match: HeaderMatch): HeadMatcher {
  const name = asciiLower(match.name);
  const invert = match.invert ?? false;
  const test = compileValue(match.value);
  const whenMissing =
    match.treatMissingAsEmpty === true
      ? test("") !== invert
      : match.value.kind === "present" && match.value.present === invert;
  return (request) => {
    const value = request.header(name);
    return value === undefined ? whenMissing : test(value) !== invert;
  };
}

function compileValue(value: HeaderValueMatch): (text: string) => boolean {
  switch (value.kind) {
    case "string":
      return compileString(value.match);
    case "range": {
      const { start, end } = value;
      return (text) => {
        const number = parseInt64(text);
        return number !== undefined && number >= start && number < end;
      };
    }
    case "present":
      return () => value.present;
    default:
      return assertNever(value);
  }
}

/** A decimal integer with optional sign and blanks around it, within 64 bits, as absl::SimpleAtoi reads it. */
function parseInt64(text: string): bigint | undefined {
  if (text.length > 64 || !/^\s*[+-]?\d+\s*$/.test(text)) return undefined;
  const number = BigInt(text.trim().replace("+", ""));
  return BigInt.asIntN(64, number) === number ? number : undefined;
}
