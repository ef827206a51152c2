import { createOnce } from "./once.ts";

describe("createOnce()", () => {
  it("computes once for the same objects and variant", () => {
    const once = createOnce();
    const [a, b] = [{}, {}];
    expect(once([a, b], "x", () => 1)).toBe(1);
    expect(once([a, b], "x", () => 2)).toBe(1);
    expect(once([a, b], "y", () => 3)).toBe(3);
    expect(once([b, a], "x", () => 4)).toBe(4);
    expect(once([a, {}], "x", () => 5)).toBe(5);
  });

  it("remembers that there is nothing", () => {
    const once = createOnce();
    const object = {};
    once([object], "x", () => undefined);
    expect(once([object], "x", () => "computed again")).toBeUndefined();
  });
});
