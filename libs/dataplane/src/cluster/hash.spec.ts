import { xxHash64 } from "./hash.ts";

describe("xxHash64()", () => {
  // Test vectors of the reference implementation.
  it.each([
    ["", 0xef46db3751d8e999n],
    ["a", 0xd24ec4f1a98c6e5bn],
    ["abc", 0x44bc2cf5ad770999n],
    ["Call me Ishmael. Some years ago--never mind how long precisely-", 0x02a2e85470d6fd96n],
  ])("hashes %j", (text, expected) => {
    expect(xxHash64(text)).toBe(expected);
  });
});
