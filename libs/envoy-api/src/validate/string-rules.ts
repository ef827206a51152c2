import { isIP } from "node:net";
import { KnownRegex, type StringRules, StringRulesSchema } from "@weft/envoy-api/validate/validate_pb.js";
import { givenFields, refuseOthers } from "./rule-fields.ts";
import type { Finding, Rule } from "./violation.ts";

const known = [
  "const",
  "minLen",
  "maxLen",
  "minBytes",
  "maxBytes",
  "pattern",
  "prefix",
  "suffix",
  "contains",
  "notContains",
  "in",
  "notIn",
  "wellKnown",
  "strict",
  "ignoreEmpty",
];

type Check = (text: string) => Finding | undefined;

/** Rules of texts. https://github.com/bufbuild/protoc-gen-validate#strings */
export function stringRules(rules: StringRules, where: string): readonly Rule[] {
  const given = givenFields(StringRulesSchema, rules);
  refuseOthers(given, known, where);
  const checks: Check[] = [];
  const need = (code: Finding["code"], holds: (text: string) => boolean, allowed: string) => {
    checks.push((text) =>
      holds(text) ? undefined : { code, message: `${quote(text)} is wrong, allowed is ${allowed}` },
    );
  };
  const { minLen, maxLen, minBytes, maxBytes, prefix, suffix, contains, notContains, pattern } = given;
  if (minLen === 1n) {
    checks.push((text) =>
      text === "" ? { code: "length", message: "is empty, allowed is at least 1 character" } : undefined,
    );
  } else if (minLen !== undefined) {
    need("length", (text) => codePoints(text) >= minLen, `at least ${minLen} characters`);
  }
  if (maxLen !== undefined)
    need("length", (text) => codePoints(text) <= maxLen, `at most ${maxLen} characters`);
  if (minBytes !== undefined) need("length", (text) => bytes(text) >= minBytes, `at least ${minBytes} bytes`);
  if (maxBytes !== undefined) need("length", (text) => bytes(text) <= maxBytes, `at most ${maxBytes} bytes`);
  if (given.const !== undefined) need("not-allowed", (text) => text === rules.const, quote(rules.const));
  if (given.in !== undefined)
    need("not-allowed", (text) => rules.in.includes(text), rules.in.map(quote).join(", "));
  if (given.notIn !== undefined) {
    need(
      "not-allowed",
      (text) => !rules.notIn.includes(text),
      `anything but ${rules.notIn.map(quote).join(", ")}`,
    );
  }
  if (prefix !== undefined)
    need("pattern", (text) => text.startsWith(prefix), `what starts with ${quote(prefix)}`);
  if (suffix !== undefined)
    need("pattern", (text) => text.endsWith(suffix), `what ends with ${quote(suffix)}`);
  if (contains !== undefined)
    need("pattern", (text) => text.includes(contains), `what contains ${quote(contains)}`);
  if (notContains !== undefined) {
    need("pattern", (text) => !text.includes(notContains), `what does not contain ${quote(notContains)}`);
  }
  if (pattern !== undefined) {
    const regex = compilePattern(pattern);
    need("pattern", (text) => regex.test(text), `what matches ${pattern}`);
  }
  if (given.wellKnown !== undefined) {
    const [holds, allowed] = wellKnownForm(rules, where);
    need("pattern", holds, allowed);
  }
  const applies = rules.ignoreEmpty ? (text: string) => text !== "" : () => true;
  return checks.map(
    (check): Rule =>
      (value) =>
        applies(value as string) ? check(value as string) : undefined,
  );
}

/**
 * Patterns come from Envoy's .proto files, are RE2's, and must match the whole text. Those in use mean the same to
 * JavaScript and take linear time there too; the spec lists them, so that a new one is looked at.
 */
function compilePattern(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`, "u");
}

function wellKnownForm(
  rules: StringRules,
  where: string,
): [holds: (text: string) => boolean, allowed: string] {
  const form = rules.wellKnown;
  switch (form.case) {
    case "wellKnownRegex":
      return headerForm(form.value, rules.strict);
    case "uri":
      return [(text) => /^[a-zA-Z][a-zA-Z0-9+.-]*:./.test(text) && isUriText(text), "an absolute URI"];
    case "uriRef":
      return [isUriText, "a URI or a relative reference"];
    case "address":
      return [(text) => isIP(text) !== 0 || isHostname(text), "an IP address or a host name"];
    case "hostname":
      return [isHostname, "a host name"];
    case "ip":
      return [(text) => isIP(text) !== 0, "an IP address"];
    case "ipv4":
      return [(text) => isIP(text) === 4, "an IPv4 address"];
    case "ipv6":
      return [(text) => isIP(text) === 6, "an IPv6 address"];
    default:
      throw new Error(`${where}: no check for the form ${form.case}`);
  }
}

/** https://github.com/bufbuild/protoc-gen-validate#well-known-formats */
function headerForm(form: KnownRegex, strict: boolean): [holds: (text: string) => boolean, allowed: string] {
  if (!strict) {
    // Empty passes, for names too: real Envoy takes a weighted cluster without a cluster_header. Where a name must be
    // there, min_len stands beside this.
    const control = /[\0\n\r]/;
    return [(text) => !control.test(text), "no NUL, CR or LF"];
  }
  if (form === KnownRegex.HTTP_HEADER_NAME) {
    return [(text) => /^:?[0-9a-zA-Z!#$%&'*+\-.^_|~`,]+$/.test(text), "an HTTP header name"];
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  const control = /[\0-\x08\n-\x1f\x7f]/;
  return [(text) => !control.test(text), "an HTTP header value (no control characters)"];
}

/** Labels of letters, digits and hyphens, at most 63 characters each and 253 in all (RFC 1034, RFC 1123). */
function isHostname(text: string): boolean {
  return (
    text.length <= 253 && /^(?!-)[a-zA-Z0-9-]{1,63}(?<!-)(\.(?!-)[a-zA-Z0-9-]{1,63}(?<!-))*\.?$/.test(text)
  );
}

/** Only characters that a URI may hold, and whole percent-encodings (RFC 3986). */
function isUriText(text: string): boolean {
  return /^(?:[\w\-.~:/?#[\]@!$&'()*+,;=]|%[0-9a-fA-F]{2})*$/.test(text);
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function bytes(text: string): number {
  return Buffer.byteLength(text);
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
