import { shareDecoded } from "./share-decoded.ts";

describe("shareDecoded()", () => {
  const decode = (data: Buffer) => ({ text: data.toString() });

  it("decodes equal messages once, and others each", () => {
    const shared = shareDecoded(decode, { minBytes: 3 });
    expect(shared(Buffer.from("abc"))).toBe(shared(Buffer.from("abc")));
    expect(shared(Buffer.from("abd"))).toEqual({ text: "abd" });
    expect(shared(Buffer.from("ab"))).not.toBe(shared(Buffer.from("ab")));
  });

  it("keeps so many messages, the last used", () => {
    const shared = shareDecoded(decode, { minBytes: 1, maxMessages: 2 });
    const [a, b] = [shared(Buffer.from("a")), shared(Buffer.from("b"))];
    expect(shared(Buffer.from("a"))).toBe(a);
    shared(Buffer.from("c"));
    expect(shared(Buffer.from("a"))).toBe(a);
    expect(shared(Buffer.from("b"))).not.toBe(b);
  });
});
