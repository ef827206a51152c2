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
    ["*", "Nothing to repeat"],
    ["(a", "Unterminated group"],
    ["[a", "is not a regular expression"],
    ["(?!a)b", "looks ahead or behind"],
    ["(?<=a)b", "looks ahead or behind"],
    ["(a)\\1", "refers back to a group"],
    ["a++", "has a possessive quantifier"],
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
