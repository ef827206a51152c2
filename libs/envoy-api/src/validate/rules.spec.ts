import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  BytesRulesSchema,
  DurationRulesSchema,
  FieldRulesSchema,
  KnownRegex,
  MapRulesSchema,
  RepeatedRulesSchema,
  StringRulesSchema,
} from "@weft/envoy-api/validate/validate_pb.js";
import { listRules, mapRules } from "./container-rules.ts";
import { valueRules } from "./field-rules.ts";
import { formatPath } from "./path.ts";
import type { Rule } from "./violation.ts";

type Type = NonNullable<MessageInitShape<typeof FieldRulesSchema>["type"]>;

const rulesOf = (type: Type) => valueRules(create(FieldRulesSchema, { type }), undefined, "a field");
const breaks = (rules: readonly Rule[], value: unknown) =>
  rules.flatMap((rule) => rule(value)?.message ?? []).join("; ");

const strings: readonly (readonly [
  rules: MessageInitShape<typeof StringRulesSchema>,
  right: readonly string[],
  wrong: readonly string[],
  allowed: string,
])[] = [
  [{ minLen: 2n }, ["ab", "å😀"], ["a", "😀", ""], "at least 2 characters"],
  [{ maxLen: 2n }, ["", "😀😀"], ["abc"], "at most 2 characters"],
  [{ minBytes: 2n }, ["ab", "å"], ["a"], "at least 2 bytes"],
  [{ maxBytes: 2n }, ["ab", "å"], ["abc", "åb"], "at most 2 bytes"],
  [{ const: "a" }, ["a"], ["", "b"], '"a"'],
  [{ in: ["a", "b"] }, ["a", "b"], ["", "c"], '"a", "b"'],
  [{ notIn: ["a"] }, ["b", ""], ["a"], 'anything but "a"'],
  [{ prefix: "a" }, ["ab"], ["ba", ""], 'what starts with "a"'],
  [{ suffix: "a" }, ["ba"], ["ab", ""], 'what ends with "a"'],
  [{ contains: "a" }, ["bab"], ["b", ""], 'what contains "a"'],
  [{ notContains: "a" }, ["b", ""], ["bab"], 'what does not contain "a"'],
  [{ pattern: "a|b" }, ["a", "b"], ["ab", ""], "what matches a|b"],
  [{ pattern: "a", ignoreEmpty: true }, ["a", ""], ["b"], "what matches a"],
  [
    { wellKnown: { case: "uri", value: true } },
    ["http://a/b?c", "urn:a:b"],
    ["/a", "a b:c", "http://%zz", ""],
    "an absolute URI",
  ],
  [
    { wellKnown: { case: "uriRef", value: true } },
    ["/a", "http://a"],
    ["a b"],
    "a URI or a relative reference",
  ],
  [{ wellKnown: { case: "ip", value: true } }, ["1.2.3.4", "::1"], ["1.2.3", "a"], "an IP address"],
  [{ wellKnown: { case: "ipv4", value: true } }, ["1.2.3.4"], ["::1"], "an IPv4 address"],
  [{ wellKnown: { case: "ipv6", value: true } }, ["::1"], ["1.2.3.4"], "an IPv6 address"],
  [
    { wellKnown: { case: "hostname", value: true } },
    ["a.b-c.de"],
    ["-a", "a..b", "a_b", `${"a".repeat(50)}.-`],
    "a host name",
  ],
  [{ wellKnown: { case: "address", value: true } }, ["::1", "a.b"], ["a_b"], "an IP address or a host name"],
  [
    { wellKnown: { case: "wellKnownRegex", value: KnownRegex.HTTP_HEADER_NAME } },
    [":path", "x-a", "a!#~"],
    ["", "a b", "a:", "å"],
    "an HTTP header name",
  ],
  [
    { wellKnown: { case: "wellKnownRegex", value: KnownRegex.HTTP_HEADER_NAME }, strict: false },
    ["", "a b", "å"],
    ["a\rb", "\0"],
    "no NUL, CR or LF",
  ],
  [
    { wellKnown: { case: "wellKnownRegex", value: KnownRegex.HTTP_HEADER_VALUE } },
    ["", "a\tb", "å"],
    ["a\nb", "\x7f", "\x01"],
    "an HTTP header value (no control characters)",
  ],
  [
    { wellKnown: { case: "wellKnownRegex", value: KnownRegex.HTTP_HEADER_VALUE }, strict: false },
    ["", "\x01"],
    ["a\nb"],
    "no NUL, CR or LF",
  ],
];

describe("valueRules()", () => {
  it.each(strings)("of texts: %o", (given, right, wrong, allowed) => {
    const rules = rulesOf({ case: "string", value: create(StringRulesSchema, given) });
    for (const text of right) expect(breaks(rules, text)).toBe("");
    for (const text of wrong)
      expect(breaks(rules, text)).toBe(`${JSON.stringify(text)} is wrong, allowed is ${allowed}`);
  });

  it("of numbers: a range, or what is outside of it", () => {
    const inside = rulesOf({ case: "int32", value: { gt: 1, lte: 5 } });
    expect([1, 2, 5, 6].map((value) => breaks(inside, value) === "")).toEqual([false, true, true, false]);
    const outside = rulesOf({ case: "double", value: { lt: 1, gte: 5 } });
    expect([0.5, 1, 4, 5].map((value) => breaks(outside, value))).toEqual([
      "",
      "1 is out of range, allowed is at least 5 or less than 1",
      "4 is out of range, allowed is at least 5 or less than 1",
      "",
    ]);
  });

  it("of numbers: lists, one value, 64 bits, none at zero", () => {
    const listed = rulesOf({ case: "uint64", value: { in: [1n, 2n], notIn: [2n], ignoreEmpty: true } });
    expect([0n, 1n, 2n, 3n].map((value) => breaks(listed, value))).toEqual([
      "",
      "",
      "2 is not allowed, allowed is anything but 2",
      "3 is not allowed, allowed is 1, 2",
    ]);
    expect(breaks(rulesOf({ case: "uint32", value: { const: 7 } }), 8)).toBe(
      "8 is not allowed, allowed is 7",
    );
    // NaN is in no range.
    expect(breaks(rulesOf({ case: "float", value: { gte: 0 } }), Number.NaN)).not.toBe("");
  });

  it("of durations, to the nanosecond", () => {
    const value = create(DurationRulesSchema, { gte: { seconds: 1n, nanos: 1 }, lt: { seconds: 2n } });
    const rules = rulesOf({ case: "duration", value });
    expect(breaks(rules, { seconds: 1n, nanos: 1 })).toBe("");
    expect(breaks(rules, { seconds: 1n, nanos: 0 })).toBe(
      "1s is out of range, allowed is at least 1.000000001s and less than 2s",
    );
  });

  it("of bytes", () => {
    const rules = rulesOf({ case: "bytes", value: create(BytesRulesSchema, { minLen: 1n, maxLen: 2n }) });
    expect(breaks(rules, new Uint8Array(2))).toBe("");
    expect(breaks(rules, new Uint8Array(3))).toBe("has 3 bytes, allowed is 1 to 2");
  });

  it("of an Any's type", () => {
    const rules = rulesOf({ case: "any", value: { in: ["t/a"], notIn: ["t/b"], required: true } });
    expect(breaks(rules, { typeUrl: "t/a" })).toBe("");
    expect(breaks(rules, { typeUrl: "t/b" })).toBe(
      "t/b is not allowed, allowed is t/a; t/b is not allowed, allowed is anything but t/b",
    );
  });

  it("refuses a rule it has no check for", () => {
    const given: Type = { case: "timestamp", value: { ltNow: true } };
    expect(() => rulesOf(given)).toThrow("a field: no check for the rule ltNow");
  });
});

describe("listRules() and mapRules()", () => {
  it("count, with none at empty where told", () => {
    const list = listRules(
      create(RepeatedRulesSchema, { minItems: 2n, maxItems: 3n, ignoreEmpty: true }),
      "f",
    );
    expect([0, 1, 2, 3, 4].map((length) => breaks(list, Array(length).fill(0)) === "")).toEqual([
      true,
      false,
      true,
      true,
      false,
    ]);
    const map = mapRules(create(MapRulesSchema, { minPairs: 1n }), "f");
    expect(breaks(map, {})).toBe("has 0 entries, allowed is at least 1");
    expect(breaks(map, { a: 1 })).toBe("");
  });

  it("find an item that is there twice", () => {
    const list = listRules(create(RepeatedRulesSchema, { unique: true }), "f");
    expect(breaks(list, [1, 2])).toBe("");
    expect(breaks(list, [1, 2, 1])).toBe("holds 1 more than once");
  });
});

describe("formatPath()", () => {
  it("joins fields, indices and keys", () => {
    const segments = ["a", 0, "b", '["k"]', "c"];
    const path = segments.reduce<Parameters<typeof formatPath>[0]>(
      (parent, segment) => ({ parent, segment }),
      undefined,
    );
    expect(formatPath(path)).toBe('a[0].b["k"].c');
  });
});
