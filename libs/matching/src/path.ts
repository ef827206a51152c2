import { assertNever } from "@weft/base";
import { compileRegex, type TextMatcher } from "./regex.ts";
import { compileString } from "./string.ts";

/**
 * What the path must be, its query left aside. `path-separated-prefix` matches `/api` and `/api/x`, not `/apix`;
 * its value has no trailing slash. `ignoreCase` is about ASCII letters and does not touch a regex.
 */
export type PathMatch =
  | {
      readonly kind: "exact" | "prefix" | "path-separated-prefix";
      readonly value: string;
      readonly ignoreCase?: boolean;
    }
  | { readonly kind: "regex"; readonly pattern: string };

/**
 * Compiles to a test of a path that has been through {@link stripQuery}.
 * @throws {MatcherError} for a pattern that RE2 would refuse
 */
export function compilePath(match: PathMatch): TextMatcher {
  switch (match.kind) {
    case "regex":
      return compileRegex(match.pattern);
    case "exact":
      return compileString({ ...match, kind: "exact" });
    case "prefix":
      return compileString({ ...match, kind: "prefix" });
    case "path-separated-prefix": {
      const test = compileString({ ...match, kind: "prefix" });
      const end = match.value.length;
      return (path) => test(path) && (path.length === end || path.charCodeAt(end) === 0x2f);
    }
    default:
      return assertNever(match);
  }
}

/** The path up to its query or fragment. */
export function stripQuery(path: string): string {
  const question = path.indexOf("?");
  const hash = path.indexOf("#");
  if (question < 0) return hash < 0 ? path : path.slice(0, hash);
  return path.slice(0, hash < 0 || question < hash ? question : hash);
}
