import fc from "fast-check";
import { compileString, type StringMatch } from "./index.ts";

/** What the kinds mean, in the plainest words. */
function naive(match: StringMatch, text: string): boolean {
  if (match.kind === "regex") return new RegExp(`^(?:${match.pattern})$`, "u").test(text);
  const lower = (value: string) =>
    match.ignoreCase ? value.replace(/[A-Z]/g, (c) => c.toLowerCase()) : value;
  const [value, whole] = [lower(match.value), lower(text)];
  const starts = Array.from({ length: whole.length + 1 }, (_, at) => at).filter(
    (at) => whole.slice(at, at + value.length) === value,
  );
  switch (match.kind) {
    case "exact":
      return whole === value;
    case "prefix":
      return starts.includes(0);
    case "suffix":
      return value.length <= whole.length && starts.includes(whole.length - value.length);
    case "contains":
      return starts.length > 0;
  }
}

const text = fc.string({ unit: fc.constantFrom("a", "A", "b", "/", "É", "é"), maxLength: 6 });
const plain = fc.record({
  kind: fc.constantFrom("exact" as const, "prefix" as const, "suffix" as const, "contains" as const),
  value: text,
  ignoreCase: fc.boolean(),
});

describe("compileString()", () => {
  it("means what its kinds say", () => {
    fc.assert(
      fc.property(plain, text, (match, value) => {
        expect(compileString(match)(value)).toBe(naive(match, value));
      }),
    );
  });

  it("ignores the case of ASCII letters only", () => {
    const test = compileString({ kind: "exact", value: "Éa", ignoreCase: true });
    expect([test("ÉA"), test("éa")]).toEqual([true, false]);
  });
});
