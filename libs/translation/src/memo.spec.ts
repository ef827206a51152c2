import { IdentityMemo } from "./memo.ts";

describe("IdentityMemo", () => {
  const a = {};
  const b = {};
  it.each([
    ["the same objects", [a, b], "v", 1],
    ["another order", [b, a], "v", 2],
    ["other objects that are equal", [{}, b], "v", 2],
    ["fewer objects", [a], "v", 2],
    ["an object that is absent", [a, undefined], "v", 2],
    ["another variant", [a, b], "w", 2],
  ])("asked with %s", (_, objects, variant, made) => {
    const memo = new IdentityMemo();
    let count = 0;
    memo.get([a, b], "v", () => ++count);
    expect(memo.get(objects, variant, () => ++count)).toBe(made);
  });

  it("keeps a result that is undefined", () => {
    const memo = new IdentityMemo();
    let count = 0;
    const make = () => {
      count++;
      return undefined;
    };
    memo.get([a], "v", make);
    memo.get([a], "v", make);
    expect(count).toBe(1);
  });

  it("forgets when variants come and go", () => {
    const memo = new IdentityMemo();
    let count = 0;
    for (let i = 0; i < 1000; i++) memo.get([a], String(i), () => ++count);
    expect(memo.get([a], "0", () => ++count)).toBe(1001);
  });
});
