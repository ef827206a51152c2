import fc from "fast-check";
import { regexMessage } from "./regex.ts";

describe("regexMessage()", () => {
  it.each([
    ".*",
    "^/api/v[0-9]+$",
    "(?i)abc",
    "(?P<name>a)",
    "[[:alpha:]]+",
    "a\\z",
    "\\d{3}",
    "[^\\]]",
    "\\pL",
    "a|b",
    "(?:a)?",
  ])("takes %s", (regex) => {
    expect(regexMessage(regex)).toBeUndefined();
  });

  it.each([
    ["", "is an empty regular expression; write .* to match everything"],
    ["*", 'regex "*" is not valid in RE2'],
    ["(a", "missing closing )"],
    ["(?!a)b", 'regex "(?!a)b" is not valid in RE2'],
    ["(a)\\1", "is not valid in RE2"],
    ["a++", "is not valid in RE2"],
    ["a".repeat(1025), "1025 characters; allowed are up to 1024"],
  ])("refuses %s", (regex, message) => {
    expect(regexMessage(regex)).toContain(message);
  });

  it("never throws", () => {
    fc.assert(
      fc.property(fc.string(), (text) => ["undefined", "string"].includes(typeof regexMessage(text))),
    );
  });
});
