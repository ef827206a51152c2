import fc from "fast-check";
import { orders, shuffled } from "./index.ts";

describe("shuffled()", () => {
  it("keeps every item, leaves its input alone, and follows its seed", () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.integer(), (items, seed) => {
        const before = [...items];
        const result = shuffled(items, seed);
        expect(items).toEqual(before);
        expect(result.toSorted()).toEqual(items.toSorted());
        expect(shuffled(items, seed)).toEqual(result);
      }),
    );
  });
});

describe("orders()", () => {
  it("gives frozen orders that differ", () => {
    const variants = orders(["a", "b", "c", "d"].map((name) => ({ name })));
    expect(variants).toHaveLength(5);
    expect(new Set(variants.map((variant) => variant.map(({ name }) => name).join(""))).size).toBeGreaterThan(
      2,
    );
    expect(variants.every((variant) => Object.isFrozen(variant) && variant.every(Object.isFrozen))).toBe(
      true,
    );
  });
});
