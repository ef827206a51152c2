/** Longest regular expression that is taken, in characters. */
const maxLength = 1024;

/**
 * What is wrong with a regular expression of the RE2 syntax; undefined where nothing is. RE2 has neither references
 * nor look-around: https://github.com/google/re2/wiki/Syntax
 */
export function regexMessage(regex: string): string | undefined {
  if (regex === "") return "is an empty regular expression; write .* to match everything";
  if (regex.length > maxLength)
    return `is a regular expression of ${regex.length} characters; allowed are up to ${maxLength}`;
  const bare = regex.replace(/\\[\s\S]|\[(?:\\[\s\S]|[^\]\\])*\]/g, (part) =>
    /^\\[1-9]/.test(part) ? part : "_",
  );
  if (/\(\?<?[=!]/.test(bare)) return `"${regex}" looks ahead or behind; RE2 cannot`;
  if (/\\[1-9]/.test(bare)) return `"${regex}" refers back to a group; RE2 cannot`;
  if (/[*+?}]\+/.test(bare)) return `"${regex}" has a possessive quantifier; RE2 has none`;
  try {
    new RegExp(toJavaScript(regex), "v");
  } catch {
    try {
      // RE2 allows escapes that only JavaScript's lenient mode takes.
      new RegExp(toJavaScript(regex));
    } catch (cause) {
      return `"${regex}" is not a regular expression: ${cause instanceof Error ? cause.message.replace(/^.*\/[a-z]*: /, "") : String(cause)}`;
    }
  }
  return undefined;
}

/** RE2's own spellings in JavaScript's. */
function toJavaScript(regex: string): string {
  return regex
    .replace(/^\(\?[imsU]+\)/, "")
    .replace(/\(\?P</g, "(?<")
    .replace(/\\z/g, "$")
    .replace(/\\A/g, "^")
    .replace(/\[\[:\^?[a-z]+:\]\]/g, "[a]");
}
