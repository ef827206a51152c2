import { compileRegex } from "@weft/matching";

/** Longest regular expression that is taken, in characters, as in Istio. */
const maxLength = 1024;

/**
 * What is wrong with a regular expression; undefined where nothing is. It is tried with the engine of Weft's proxy,
 * which has RE2's syntax: https://github.com/google/re2/wiki/Syntax
 */
export function regexMessage(regex: string): string | undefined {
  if (regex === "") return "is an empty regular expression; write .* to match everything";
  if (regex.length > maxLength)
    return `is a regular expression of ${regex.length} characters; allowed are up to ${maxLength}`;
  try {
    compileRegex(regex);
    return undefined;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}
