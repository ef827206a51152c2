import { RE2JS } from "re2js";
import { MatcherError } from "./error.ts";

/** Limits of {@link compileRegex}. */
export interface RegexOptions {
  /**
   * Most instructions a compiled pattern may have. Default 32,768: what Istio's bootstrap sets for Envoy
   * (`re2.max_program_size.error_level`).
   */
  readonly maxProgramSize?: number;
}

/** Tells whether a whole text matches. */
export type TextMatcher = (text: string) => boolean;

const defaultMaxProgramSize = 32_768;

/**
 * Compiles an RE2 pattern to a test of the whole text, in time linear in the text whatever the pattern
 * (docs/decisions/0004-regex.md). https://github.com/google/re2/wiki/Syntax
 * @throws {MatcherError} `invalid-regex`, `regex-too-large`
 */
export function compileRegex(pattern: string, options: RegexOptions = {}): TextMatcher {
  return plainMatcher(pattern) ?? fullMatcher(parse(pattern, options));
}

/**
 * Compiles a pattern with a substitution to a rewrite of every match, as RE2's GlobalReplace does:
 * `\1` to `\9` are groups, `\0` the whole match, `\\` a backslash.
 * @throws {MatcherError} `invalid-regex`, `regex-too-large`, `invalid-substitution`
 */
export function compileRegexRewrite(
  pattern: string,
  substitution: string,
  options: RegexOptions = {},
): (text: string) => string {
  const regex = parse(pattern, options);
  const parts = parseSubstitution(substitution, regex.groupCount());
  return (text) => {
    const matcher = regex.matcher(text);
    let rewritten = "";
    let copied = 0;
    while (matcher.find()) {
      // RE2 takes no empty match where the match before it ended.
      if (matcher.end() === matcher.start() && matcher.start() === copied && copied > 0) continue;
      rewritten += text.slice(copied, matcher.start());
      for (const part of parts) rewritten += typeof part === "string" ? part : (matcher.group(part) ?? "");
      copied = matcher.end();
    }
    return rewritten + text.slice(copied);
  };
}

function fullMatcher(regex: RE2JS): TextMatcher {
  return (text) => regex.testExact(text);
}

function parse(pattern: string, options: RegexOptions): RE2JS {
  const limit = options.maxProgramSize ?? defaultMaxProgramSize;
  let regex: RE2JS;
  try {
    regex = RE2JS.compile(pattern);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MatcherError("invalid-regex", `regex "${pattern}" is not valid in RE2: ${reason}`, { cause });
  }
  const size = regex.programSize();
  if (size > limit) {
    throw new MatcherError(
      "regex-too-large",
      `regex "${pattern}" compiles to ${size} instructions, at most ${limit} are allowed`,
    );
  }
  return regex;
}

/**
 * Patterns that need no regex engine: a literal, with `.*` or `.+` before or after it or on both sides.
 * They are most of what routes hold. A dot is any character but a newline.
 */
function plainMatcher(pattern: string): TextMatcher | undefined {
  const shape = /^(\.[*+])?([\w\-/:;=@%&~,!"'<> ]*)(\.[*+])?$/.exec(pattern);
  if (shape === null) return undefined;
  const [, before, literal = "", after] = shape;
  if (before === undefined && after === undefined) return (text) => text === literal;
  const ahead = before === ".+" ? 1 : 0;
  const behind = after === ".+" ? 1 : 0;
  if (literal === "") {
    const least = ahead + behind;
    return (text) => text.length >= least && !text.includes("\n");
  }
  const least = literal.length + ahead + behind;
  if (before === undefined)
    return (text) => text.length >= least && text.startsWith(literal) && !text.includes("\n");
  if (after === undefined)
    return (text) => text.length >= least && text.endsWith(literal) && !text.includes("\n");
  return (text) => {
    const at = text.indexOf(literal, ahead);
    return at >= 0 && at + literal.length + behind <= text.length && !text.includes("\n");
  };
}

function parseSubstitution(substitution: string, groups: number): readonly (string | number)[] {
  const parts: (string | number)[] = [];
  for (const [piece, escaped] of substitution.matchAll(/\\([\s\S]?)|[^\\]+/g)) {
    if (escaped === undefined) parts.push(piece);
    else if (escaped === "\\") parts.push("\\");
    else if (/\d/.test(escaped) && Number(escaped) <= groups) parts.push(Number(escaped));
    else {
      throw new MatcherError(
        "invalid-substitution",
        `substitution "${substitution}" holds ${piece}, allowed are \\0 to \\${groups} and \\\\`,
      );
    }
  }
  return parts;
}
