import fc from "fast-check";
import { HeaderMap } from "../../runtime/headers.ts";
import { FieldTable } from "./field-table.ts";
import { Http2Error } from "./frame.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { HpackEncoder } from "./hpack-encoder.ts";
import { decodeHuffman, maxDecodedBytes } from "./huffman.ts";
import { Output } from "./output.ts";

/** Decodes into `name: value` lines; fields that make a message malformed begin with `!`. */
function decode(decoder: HpackDecoder, block: Buffer): string[] {
  const lines: string[] = [];
  decoder.decode(block, {
    onField: (name, value, good) => lines.push(`${good ? "" : "!"}${name}: ${value}`),
  });
  return lines;
}

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

function unhuffman(bytes: Buffer): string | undefined {
  const target = Buffer.alloc(maxDecodedBytes(bytes.length));
  const length = decodeHuffman(bytes, 0, bytes.length, target);
  return length < 0 ? undefined : target.toString("latin1", 0, length);
}

describe("HpackDecoder", () => {
  it("reads the examples of RFC 7541, appendix C.4: requests with Huffman's code", () => {
    const decoder = new HpackDecoder();
    expect(decode(decoder, hex("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff"))).toEqual([
      ":method: GET",
      ":scheme: http",
      ":path: /",
      ":authority: www.example.com",
    ]);
    expect(decode(decoder, hex("8286 84be 5886 a8eb 1064 9cbf"))).toEqual([
      ":method: GET",
      ":scheme: http",
      ":path: /",
      ":authority: www.example.com",
      "cache-control: no-cache",
    ]);
    expect(decode(decoder, hex("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf"))).toEqual([
      ":method: GET",
      ":scheme: https",
      ":path: /index.html",
      ":authority: www.example.com",
      "custom-key: custom-value",
    ]);
  });

  it("forgets the oldest fields, as in appendix C.5", () => {
    const decoder = new HpackDecoder(256);
    decode(
      decoder,
      hex(
        `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120
         474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`.replace(/\s/g, ""),
      ),
    );
    expect(decode(decoder, hex("4803 3330 37c1 c0bf"))).toEqual([
      ":status: 307",
      "cache-control: private",
      "date: Mon, 21 Oct 2013 20:13:21 GMT",
      "location: https://www.example.com",
    ]);
  });

  it.each([
    ["index 0", "80"],
    ["an index beyond the table", "c0"],
    ["a name beyond the table", "7f 00 01 61"],
    ["a string that is cut off", "40 05 61"],
    ["an integer that is cut off", "ff"],
    ["an integer without end", "ff ff ff ff ff ff"],
    ["a size beyond the limit", "3f e2 1f"],
    ["a size after a field", "82 20"],
    ["Huffman's end of string", "40 84 ff ff ff ff 00"],
    ["padding that is no ones", "40 81 18 00"],
    ["padding of a byte", "40 82 1f ff 00"],
  ])("refuses %s", (_what, block) => {
    expect(() => decode(new HpackDecoder(), hex(block))).toThrow(Http2Error);
  });

  it.each([
    ["an upper-case name", "40 01 41 00", "!A: "],
    ["a name that is no token", "40 01 20 00", "! : "],
    ["an empty name", "40 00 00", "!: "],
    ["a line feed in a value", "40 01 61 01 0a", "!a: \n"],
    ["a value with space around", "40 01 61 02 20 62", "!a:  b"],
    ["a connection header", "40 0a 63 6f 6e 6e 65 63 74 69 6f 6e 01 78", "!connection: x"],
    ["transfer-encoding of the static table", "b9", "!transfer-encoding: "],
    ["te other than trailers", "40 02 74 65 04 67 7a 69 70", "!te: gzip"],
    ["te: trailers", "40 02 74 65 08 74 72 61 69 6c 65 72 73", "te: trailers"],
  ])("says whether %s may be in a message, the second time too", (_what, block, line) => {
    const decoder = new HpackDecoder();
    expect(decode(decoder, hex(block))).toEqual([line]);
    if (block.startsWith("40")) expect(decode(decoder, hex("be"))).toEqual([line]);
  });

  it("never throws but its own error, and never hangs", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 5 }), (blocks) => {
        const decoder = new HpackDecoder();
        try {
          for (const block of blocks) decode(decoder, Buffer.from(block));
        } catch (error) {
          expect(error).toBeInstanceOf(Http2Error);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("decodeHuffman()", () => {
  it("reads every byte by its canonical code", () => {
    // The codes of `0` to `9`, `a`, of 13, 28 and 30 bits, from appendix B.
    expect(unhuffman(hex("00"))).toBeUndefined();
    expect(unhuffman(hex("07"))).toBe("0");
    expect(unhuffman(hex("1f"))).toBe("a");
    expect(unhuffman(hex("ffc7"))).toBe("\0");
    expect(unhuffman(hex("fffffff3"))).toBe("\n"); // 30 bits of ones, then 00: 0x3ffffffc
    expect(unhuffman(hex(""))).toBe("");
  });
});

describe("HpackEncoder", () => {
  const name = fc.constantFrom("a", "b", "content-type", "x-request-id", "cookie", "server", "grpc-status");
  const value = fc.oneof(
    fc.constantFrom("", "x", "0", "envoy", "application/grpc", "y".repeat(900), "z".repeat(4200)),
    fc.stringMatching(/^[a-z0-9]{0,40}$/),
  );
  const block = fc.array(fc.tuple(name, value), { maxLength: 12 });

  it("writes what the decoder reads, whatever the table's size becomes", () => {
    const sizes = fc.option(fc.constantFrom(0, 40, 100, 4096, 1_000_000), { nil: undefined });
    fc.assert(
      fc.property(fc.array(fc.tuple(block, sizes), { maxLength: 30 }), (blocks) => {
        const encoder = new HpackEncoder();
        const decoder = new HpackDecoder();
        for (const [fields, size] of blocks) {
          if (size !== undefined) encoder.limitTable(size);
          const output = new Output(16);
          encoder.begin(output);
          encoder.headers(output, new HeaderMap(fields.flat()));
          const lines = decode(decoder, output.bytes.subarray(0, output.length));
          expect(lines).toEqual(fields.map(([key, text]) => `${key}: ${text}`));
        }
      }),
      { numRuns: 300 },
    );
  });

  it("sends a field that it has sent before as one byte, and a secret never so", () => {
    const encoder = new HpackEncoder();
    const encode = (...list: string[]) => {
      const output = new Output(16);
      encoder.headers(output, new HeaderMap(list));
      return output.length;
    };
    expect(encode("server", "weft")).toBeGreaterThan(4);
    expect(encode("server", "weft")).toBe(1);
    expect(encode("cookie", "secret")).toBe(encode("cookie", "secret"));
    expect(encode("cookie", "secret")).toBeGreaterThan(6);
  });
});

describe("FieldTable", () => {
  it("keeps within its size for ever", () => {
    const table = new FieldTable(200);
    for (let i = 0; i < 10_000; i++) table.add("name", String(i));
    expect(table.length).toBe(5);
    expect([0, 1, 4].map((index) => table.value(index))).toEqual(["9999", "9998", "9995"]);
    expect(table.added).toBe(10_000);
    expect(table.add("name", "x".repeat(300))).toBe(false);
    expect(table.length).toBe(0);
  });
});
