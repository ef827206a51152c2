import fc from "fast-check";
import { formatProxyHeader, parseProxyHeader } from "./header.ts";

const addresses = {
  source: { address: "192.0.2.1", port: 1234 },
  destination: { address: "198.51.100.7", port: 443 },
};
const addresses6 = {
  source: { address: "2001:db8::1", port: 1 },
  destination: { address: "::1", port: 65_535 },
};

describe("parseProxyHeader()", () => {
  it.each([
    [1, addresses],
    [2, addresses],
    [1, addresses6],
    [2, addresses6],
    [1, undefined],
    [2, undefined],
  ] as const)("reads what formatProxyHeader(%d, %j) writes, and needs all of it", (version, ends) => {
    const header = formatProxyHeader(version, ends);
    const expected = {
      kind: "found",
      version,
      length: header.length,
      ...(ends !== undefined && { addresses: ends }),
    };
    expect(parseProxyHeader(Buffer.concat([header, Buffer.from("GET /")]))).toEqual(expected);
    for (let length = 0; length < header.length; length++)
      expect(parseProxyHeader(header.subarray(0, length))).toEqual({ kind: "need-more" });
  });

  it.each([
    ["PROXY TCP4 1.2.3.4 ::1 1 2\r\n", "bad addresses"],
    ["PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n", "bad ports"],
    ["PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n", "bad ports"],
    ["PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n", '"TCP5" is no protocol: TCP4, TCP6 or UNKNOWN'],
    [`PROXY UNKNOWN ${"x".repeat(120)}`, "the line has no end"],
  ])("refuses %j", (text, reason) => {
    expect(parseProxyHeader(Buffer.from(text))).toEqual({ kind: "invalid", version: 1, reason });
  });

  it("says where there is no header", () => {
    expect(parseProxyHeader(Buffer.from("GET / HTTP/1.1\r\n"))).toEqual({ kind: "absent" });
  });

  it("never throws, and takes no more than it was given", () => {
    const start = fc.constantFrom(
      Buffer.alloc(0),
      Buffer.from("PROXY TCP4 "),
      formatProxyHeader(2, addresses).subarray(0, 14),
    );
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 200 }), (head, rest) => {
        const bytes = Buffer.concat([head, rest]);
        const header = parseProxyHeader(bytes);
        if (header.kind === "found") expect(header.length).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });
});
