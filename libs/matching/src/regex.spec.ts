import fc from "fast-check";
import { compileRegex, compileRegexRewrite, MatcherError } from "./index.ts";

const refused: readonly (readonly [pattern: string, reason: string])[] = [
  ["(", "missing closing )"],
  ["[b-a]", "invalid character class range"],
  ["a**", "invalid nested repetition operator"],
  ["a{1001}", "invalid repeat count"],
  ["(?=a)", "invalid or unsupported Perl syntax"],
  ["(?!a)", "invalid or unsupported Perl syntax"],
  ["(?<=a)b", "invalid"],
  ["(a)\\1", "invalid escape sequence"],
  ["\\Z", "invalid escape sequence"],
  ["(".repeat(2000) + ")".repeat(2000), "nests too deeply"],
];

describe("compileRegex()", () => {
  it("matches the whole text", () => {
    const test = compileRegex("/api/v[0-9]+");
    expect(["/api/v1", "/api/v12", "/api/v", "x/api/v1", "/api/v1x"].map(test)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it("knows what RE2 has and JavaScript has not", () => {
    expect(compileRegex("(?i)abc")("AbC")).toBe(true);
    expect(compileRegex("(?P<version>v[[:digit:]])\\z")("v1")).toBe(true);
    expect(compileRegex("\\Qa.b\\E")("a.b")).toBe(true);
    expect(compileRegex("\\pL+")("é")).toBe(true);
  });

  it.each(refused)("refuses what RE2 refuses: %s", (pattern, reason) => {
    const error = thrown(() => compileRegex(pattern));
    expect(error.code).toBe("invalid-regex");
    expect(error.message).toContain(reason);
  });

  it("limits the size of what a pattern compiles to", () => {
    expect(thrown(() => compileRegex("(abc){100}", { maxProgramSize: 100 }))).toMatchObject({
      code: "regex-too-large",
      message: 'regex "(abc){100}" compiles to 502 instructions, at most 100 are allowed',
    });
  });

  it("takes no more than linear time where backtracking would take for ever", () => {
    expect(compileRegex("(x+x+)+y")("x".repeat(5000))).toBe(false);
    expect(compileRegex("(a|b|ab)*c")("ab".repeat(2500))).toBe(false);
    expect(compileRegex("(.*)*(.*)*(.*)*z")("a".repeat(5000))).toBe(false);
  });

  it("means the same where it needs no regex engine", () => {
    const edge = fc.constantFrom("", ".*", ".+");
    const literal = fc.string({ unit: fc.constantFrom("a", "b", "/"), maxLength: 3 });
    const text = fc.string({ unit: fc.constantFrom("a", "b", "/", "\n"), maxLength: 8 });
    fc.assert(
      fc.property(edge, literal, edge, text, (before, middle, after, value) => {
        const pattern = before + middle + after;
        // A group keeps the pattern from being taken for a plain one.
        expect(compileRegex(pattern)(value)).toBe(compileRegex(`(${pattern})`)(value));
      }),
      { numRuns: 1000 },
    );
  });

  it("agrees with JavaScript on what both have", () => {
    const atom = fc.constantFrom("a", "b", "[ab]", "[^a]", ".", "(a|b)", "(?:ab)", "\\d", "\\w");
    const piece = fc
      .tuple(atom, fc.constantFrom("", "?", "*", "+", "{2}", "{1,3}", "*?"))
      .map(([what, count]) => what + count);
    const pattern = fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(""));
    const text = fc.string({ unit: fc.constantFrom("a", "b", "1", "-"), maxLength: 10 });
    fc.assert(
      fc.property(pattern, text, (source, value) => {
        expect(compileRegex(source)(value)).toBe(new RegExp(`^(?:${source})$`).test(value));
      }),
      { numRuns: 500 },
    );
  });

  it("throws nothing but MatcherError, whatever the pattern", () => {
    const unit = fc.constantFrom(..."()[]{}|*+?.^$\\,-:<>=!PQEpLdswbzA019ax\0é😀");
    fc.assert(
      fc.property(
        fc.string({ unit, maxLength: 20 }),
        fc.string({ unit, maxLength: 20 }),
        (pattern, value) => {
          try {
            compileRegex(pattern)(value);
          } catch (error) {
            expect(error).toBeInstanceOf(MatcherError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

const rewrites: readonly (readonly [pattern: string, substitution: string, text: string, result: string])[] =
  [
    // The examples of Envoy's documentation of regex_rewrite.
    ["^/service/([^/]+)(/.*)$", "\\2/instance/\\1", "/service/foo/v1/api", "/v1/api/instance/foo"],
    ["one", "two", "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/two/zzz"],
    ["^(.*?)one(.*)$", "\\1two\\2", "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/one/zzz"],
    ["(?i)/xxx/", "/yyy/", "/aaa/XxX/bbb", "/aaa/yyy/bbb"],
    ["a(b)?", "<\\0\\1>", "ac", "<a>c"],
    ["a", "\\\\", "a", "\\"],
    ["a*", "-", "baac", "-b-c-"],
    ["z", "y", "abc", "abc"],
  ];

describe("compileRegexRewrite()", () => {
  it.each(rewrites)("%s by %s: %s → %s", (pattern, substitution, text, result) => {
    expect(compileRegexRewrite(pattern, substitution)(text)).toBe(result);
  });

  it("refuses a group that is not there", () => {
    expect(thrown(() => compileRegexRewrite("(a)", "\\2"))).toMatchObject({
      code: "invalid-substitution",
      message: 'substitution "\\2" holds \\2, allowed are \\0 to \\1 and \\\\',
    });
    expect(thrown(() => compileRegexRewrite("a", "b\\"))).toMatchObject({ code: "invalid-substitution" });
  });
});

function thrown(act: () => unknown): MatcherError {
  try {
    act();
  } catch (error) {
    if (error instanceof MatcherError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
