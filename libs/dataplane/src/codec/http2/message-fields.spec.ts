import { block, getFields } from "./fixtures.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { MessageFields } from "./message-fields.ts";

const limits = { maxHeadBytes: 60 * 1024, maxHeaders: 100 };

function read(decoder: HpackDecoder, bytes: Buffer): MessageFields {
  const fields = new MessageFields(limits);
  fields.begin();
  decoder.decode(bytes, fields);
  return fields;
}

describe("MessageFields", () => {
  it("tells pseudo headers, host and headers apart", () => {
    const fields = read(
      new HpackDecoder(),
      block(...getFields("/p", "host", "h", "a", "b", "cookie", "x", "cookie", "y")),
    );
    expect(fields).toMatchObject({
      method: "GET",
      scheme: "http",
      authority: "a",
      path: "/p",
      host: "h",
      malformed: false,
    });
    expect([...fields.headers()]).toEqual([
      ["a", "b"],
      ["cookie", "x; y"],
    ]);
  });

  it("keeps little of a block that unfolds to hundreds of megabytes", () => {
    const decoder = new HpackDecoder();
    // A field of 4,000 bytes enters the table; each further byte of the block repeats it.
    const literal = block("x", "y".repeat(4000));
    literal[0] = 0x40;
    const bomb = Buffer.concat([literal, Buffer.alloc(100_000, 0xbe)]);
    const fields = read(decoder, bomb);
    expect(fields.tooLarge).toBe("http2.headers_too_large");
    expect(fields.headers().size).toBeLessThanOrEqual(16);
    // The table is still the same as the sender's.
    expect([...read(decoder, Buffer.of(0xbe)).headers()]).toEqual([["x", "y".repeat(4000)]]);
  });

  it("keeps no more headers than are allowed, crumbs of cookies included in the size", () => {
    const many = Array.from({ length: 300 }, (_, i) => [`x${i}`, ""]).flat();
    const fields = read(new HpackDecoder(), block(...many));
    expect(fields.tooLarge).toBe("http2.too_many_headers");
    expect(fields.headers().size).toBe(101);
    const crumbs = Array.from({ length: 100 }, () => ["cookie", "z".repeat(1000)]).flat();
    expect(read(new HpackDecoder(), block(...crumbs)).tooLarge).toBe("http2.headers_too_large");
  });
});
