import { compileMetadata, type ValueMatch } from "./metadata.ts";

const source = (filter: string) =>
  filter === "jwt"
    ? { payload: { iss: "me", n: 5, yes: true, none: null, groups: ["a", "b"], deep: { "x.y": "z" } } }
    : undefined;
const text = (value: string): ValueMatch => ({ kind: "string", match: { kind: "exact", value } });

describe("compileMetadata()", () => {
  it.each<[readonly string[], ValueMatch, boolean]>([
    [["payload", "iss"], text("me"), true],
    [["payload", "iss"], text("you"), false],
    [["payload", "n"], text("5"), false],
    [["payload", "n"], { kind: "number", value: 5 }, true],
    [["payload", "n"], { kind: "range", start: 5, end: 6 }, true],
    [["payload", "n"], { kind: "range", start: 4, end: 5 }, false],
    [["payload", "yes"], { kind: "boolean", value: true }, true],
    [["payload", "none"], { kind: "null" }, true],
    [["payload", "gone"], { kind: "null" }, false],
    [["payload", "gone"], { kind: "present", present: true }, false],
    [["payload", "gone"], { kind: "present", present: false }, false],
    [["payload", "iss"], { kind: "present", present: true }, true],
    [["payload", "groups"], { kind: "one-of", match: text("b") }, true],
    [["payload", "groups"], { kind: "one-of", match: text("c") }, false],
    [["payload", "iss"], { kind: "one-of", match: text("me") }, false],
    [["payload", "groups"], { kind: "or", matches: [text("b"), { kind: "one-of", match: text("a") }] }, true],
    [["payload", "deep", "x.y"], text("z"), true],
    [["payload", "iss", "length"], { kind: "present", present: true }, false],
    [["payload", "groups", "0"], text("a"), false],
    [["payload", "constructor"], { kind: "present", present: true }, false],
    [["__proto__", "toString"], { kind: "present", present: true }, false],
  ])("looks for %j %j: %s", (path, value, expected) => {
    expect(compileMetadata({ filter: "jwt", path, value })(source)).toBe(expected);
    expect(compileMetadata({ filter: "jwt", path, value, invert: true })(source)).toBe(!expected);
  });

  it("finds nothing in a filter without metadata", () => {
    const match = { filter: "x", path: ["a"], value: { kind: "present", present: true } } as const;
    expect(compileMetadata(match)(source)).toBe(false);
  });
});
