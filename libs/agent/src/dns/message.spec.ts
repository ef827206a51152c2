import fc from "fast-check";
import { ipBytes } from "./ip.ts";
import { type DnsQuery, decodeQuery, encodeAnswer, isResponseTo, rcode, truncate } from "./message.ts";

/** A query by hand: header, the labels, type A, class IN, and what else. */
function query(labels: readonly string[], more: { records?: Buffer; flags?: number; id?: number } = {}) {
  const { records = Buffer.alloc(0), flags = 0x0120, id = 0x1234 } = more;
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(flags, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length > 0 ? 1 : 0, 10);
  const name = labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([header, ...name, Buffer.from([0, 0, 1, 0, 1]), records]);
}
const opt = Buffer.from([0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0]);
const decoded = (bytes: Buffer): DnsQuery => {
  const result = decodeQuery(bytes);
  if (result === undefined || !("query" in result)) throw new Error("no query");
  return result.query;
};
const codeOfReply = (bytes: Buffer) => {
  const result = decodeQuery(bytes);
  return result !== undefined && "reply" in result ? result.reply.readUInt16BE(2) & 15 : result;
};

describe("decodeQuery()", () => {
  it("reads the question, in lower case, and EDNS", () => {
    expect(decoded(query(["WWW", "Example", "com"]))).toMatchObject({
      id: 0x1234,
      name: "www.example.com.",
      type: 1,
      class: 1,
      udpSize: 512,
      edns: false,
    });
    expect(decoded(query(["a.b"], { records: opt }))).toMatchObject({
      name: "a\\.b.",
      udpSize: 4096,
      edns: true,
    });
    expect(decoded(query([])).name).toBe(".");
  });

  it.each([
    ["a response", query(["a"], { flags: 0x8000 }), undefined],
    ["eleven bytes", query(["a"]).subarray(0, 11), undefined],
    ["another opcode", query(["a"], { flags: 5 << 11 }), rcode.notImplemented],
    ["no question", Buffer.alloc(12), rcode.formatError],
    ["half a question", query(["abc"]).subarray(0, 15), rcode.formatError],
    ["a question without its class", query(["abc"]).subarray(0, 18), rcode.formatError],
    [
      "a pointer to itself",
      Buffer.concat([query([]).subarray(0, 12), Buffer.from([0xc0, 12, 0, 1, 0, 1])]),
      rcode.formatError,
    ],
    ["half an OPT record", query(["a"], { records: opt.subarray(0, 8) }), rcode.formatError],
    ["a name of 260 bytes", query(Array.from({ length: 5 }, () => "x".repeat(51))), rcode.formatError],
  ])("of %s", (_what, bytes, answer) => {
    expect(codeOfReply(bytes)).toBe(answer);
  });

  it("takes any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (bytes, oneQuestion) => {
        const message = Buffer.from(bytes);
        if (oneQuestion && message.length >= 12) message.set([0, 0, 0, 1, 0, 0, 0, 1, 0, 1], 2);
        const result = decodeQuery(message);
        if (result !== undefined && "query" in result) {
          const answer = encodeAnswer(result.query, { rcode: 0, addresses: [Buffer.alloc(4)] }, 512);
          expect(answer.length).toBeLessThanOrEqual(512);
          expect(isResponseTo(result.query, result.query.id, answer)).toBe(true);
        }
      }),
    );
  });
});

describe("encodeAnswer()", () => {
  const addresses = Array.from({ length: 100 }, (_, i) => Buffer.from([10, 0, 0, i]));

  it("compresses names, keeps to the limit, and says what is missing", () => {
    const asked = decoded(query(["pods", "default", "svc", "cluster", "local"], { records: opt }));
    const small = encodeAnswer(asked, { rcode: 0, addresses, ttl: 30 }, 512);
    expect(small.length).toBeLessThanOrEqual(512);
    expect(small.readUInt16BE(2) & 0x0200).toBe(0x0200);
    expect(small.readUInt16BE(6)).toBe(28); // (512 - 12 header - 36 question - 11 OPT) / 16
    const large = encodeAnswer(asked, { rcode: 0, addresses, ttl: 30 }, 4096);
    expect([large.readUInt16BE(2) & 0x0200, large.readUInt16BE(6)]).toEqual([0, 100]);
  });

  it("echoes the question as it was spelt, and who may be asked for more", () => {
    const asked = decoded(query(["WeB"]));
    const answer = encodeAnswer(asked, { rcode: 0, authoritative: true }, 512);
    expect(answer.toString("latin1")).toContain("WeB");
    expect(answer.readUInt16BE(2)).toBe(0x8580); // QR AA RD RA
  });
});

describe("isResponseTo()", () => {
  const asked = decoded(query(["a"]));
  const answer = encodeAnswer(asked, { rcode: 0 }, 512);
  const other = encodeAnswer(decoded(query(["b"])), { rcode: 0 }, 512);
  it.each([
    ["the answer", answer, true],
    ["another question's", other, false],
    ["the query itself", asked.bytes, false],
    ["half a header", answer.subarray(0, 6), false],
    ["a truncated one", truncate(asked, answer), true],
  ])("of %s: %#", (_what, message, expected) => {
    expect(isResponseTo(asked, asked.id, message)).toBe(expected);
    expect(isResponseTo(asked, asked.id ^ 1, message)).toBe(false);
  });
});

describe("ipBytes()", () => {
  it.each([
    ["10.0.0.1", "0a000001"],
    ["::", "00000000000000000000000000000000"],
    ["fd00::1:2", "fd000000000000000000000000010002"],
    ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
    ["::ffff:10.0.0.1", "00000000000000000000ffff0a000001"],
    ["fe80::1%eth0", "fe800000000000000000000000000001"],
    ["10.0.0.256", undefined],
    ["web", undefined],
  ])("has %s as %s", (text, bytes) => {
    expect(ipBytes(text)?.toString("hex")).toBe(bytes);
  });
});
