import type { HeadMatcher } from "./header.ts";
import { compileString, type StringMatch } from "./string.ts";

/** What one query parameter must be: its first value as text (not decoded), or its presence. */
export interface QueryMatch {
  /** Name of the parameter, case-sensitive. */
  readonly name: string;
  readonly value:
    | { readonly kind: "string"; readonly match: StringMatch }
    | { readonly kind: "present"; readonly present: boolean };
}

/**
 * Compiles to a test of a request's query.
 * @throws {MatcherError} for a pattern that RE2 would refuse
 */
export function compileQuery({ name, value }: QueryMatch): HeadMatcher {
  if (value.kind === "present")
    return (request) => (queryValue(request.path, name) !== undefined) === value.present;
  const test = compileString(value.match);
  return (request) => {
    const found = queryValue(request.path, name);
    return found !== undefined && test(found);
  };
}

/**
 * The first value of a query parameter in a path, as it stands there (not decoded); empty for a parameter without
 * `=`, undefined for one that is missing.
 */
export function queryValue(path: string, name: string): string | undefined {
  const question = path.indexOf("?");
  if (question < 0) return undefined;
  const hash = path.indexOf("#", question);
  const end = hash < 0 ? path.length : hash;
  for (let start = question + 1; start < end; ) {
    const ampersand = path.indexOf("&", start);
    const stop = ampersand < 0 || ampersand > end ? end : ampersand;
    if (path.startsWith(name, start)) {
      const after = start + name.length;
      if (after === stop) return "";
      if (after < stop && path.charCodeAt(after) === 0x3d) return path.slice(after + 1, stop);
    }
    start = stop + 1;
  }
  return undefined;
}
