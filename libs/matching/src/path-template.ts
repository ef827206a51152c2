import { MatcherError } from "./error.ts";
import { compileRegex, type TextMatcher } from "./regex.ts";

/** What a path segment may hold, as a character class: pchar of RFC 3986 without `*` and `=`. */
const literal = "a-zA-Z0-9\\-._~%!$&'()+,;:@";
const literalPattern = new RegExp(`^[${literal}]+$`);
const namePattern = /^[a-zA-Z][a-zA-Z0-9_]{0,15}$/;
const maxVariables = 5;
const maxLength = 256;

/**
 * Compiles a path template to a test of a whole path without its query: `*` stands for one segment, `**` for any
 * number of characters, `/` among them, `{name}` and `{name=a/*}` for what they hold.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/path/match/uri_template/v3/uri_template_match.proto
 * @throws {MatcherError} `invalid-path-template`
 */
export function compilePathTemplate(template: string): TextMatcher {
  const fail = (reason: string): never => {
    throw new MatcherError(
      "invalid-path-template",
      `path template "${template}" ${reason}, allowed are literals, *, ** and {name} between slashes`,
    );
  };
  if (template.length > maxLength) fail(`is longer than ${maxLength} characters`);
  if (!/^\/[!-~]*$/.test(template)) fail("does not begin with / or has a character that is not visible");
  const segments = splitOutsideBraces(template.slice(1));
  const names = new Set<string>();
  let beyondAny = false;
  const glob = (text: string): string | undefined => {
    if (text !== "*" && text !== "**") return undefined;
    if (beyondAny) fail("has a wildcard after **");
    beyondAny = text === "**";
    return text === "*" ? `[${literal}]+` : `[${literal}/]*`;
  };
  const part = (text: string): string => {
    if (!literalPattern.test(text)) fail(`has "${text}" between slashes`);
    return text.replace(/[$().+]/g, "\\$&");
  };
  const variable = (text: string): string => {
    const [name = "", ...rest] = text.slice(1, -1).split("=");
    if (!namePattern.test(name)) fail(`has the variable name "${name}"`);
    if (names.has(name)) fail(`has the variable "${name}" twice`);
    names.add(name);
    if (names.size > maxVariables) fail(`has more than ${maxVariables} variables`);
    if (rest.length === 0) return glob("*") as string; // it is a wildcard
    return rest
      .join("=")
      .split("/")
      .map((piece) => glob(piece) ?? part(piece))
      .join("/");
  };
  const pattern = segments.map((segment, index) => {
    const last = index === segments.length - 1;
    if (segment === "" && last) return "";
    // What a wildcard or a variable begins may end in literal characters, at the end of the template only.
    const [, head, tail = ""] = /^(\*\*?|\{[^}]*\})(.*)$/.exec(segment) ?? [];
    if (head === undefined) return part(segment);
    if (tail !== "" && !last) fail(`has "${segment}" before its end`);
    return `${glob(head) ?? variable(head)}${tail === "" ? "" : part(tail)}`;
  });
  return compileRegex(`/${pattern.join("/")}`);
}

/** Splits at slashes, those between braces left alone. */
function splitOutsideBraces(text: string): string[] {
  const parts = [""];
  let inside = false;
  for (const character of text) {
    if (character === "{") inside = true;
    else if (character === "}") inside = false;
    if (character === "/" && !inside) parts.push("");
    else parts[parts.length - 1] += character;
  }
  return parts;
}
