import { Duplex } from "node:stream";
import { connect } from "node:tls";
import fc from "fast-check";
import { parseClientHello } from "./client-hello.ts";

/** The first flight of Node's own TLS client. */
async function realClientHello(servername: string, ALPNProtocols: string[]): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      resolve(chunk);
      done();
    },
  });
  const client = connect({ socket: wire, servername, ALPNProtocols });
  client.on("error", () => {}); // the handshake never completes
  const hello = await promise;
  client.destroy();
  return hello;
}

/** The same handshake bytes in records of `size`. */
function fragment(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 0xff]), part);
  }
  return Buffer.concat(records);
}

describe("parseClientHello()", () => {
  const expected = { kind: "tls", serverName: "reviews.example", applicationProtocols: ["h2", "istio"] };
  let hello: Buffer;
  beforeAll(async () => {
    hello = await realClientHello("Reviews.example", ["h2", "istio"]);
  });

  it("reads names and protocols", () => {
    expect(parseClientHello(hello)).toEqual(expected);
  });

  it("asks for more until it is whole", () => {
    for (let length = 0; length < hello.length; length++) {
      expect(parseClientHello(hello.subarray(0, length))).toEqual({ kind: "need-more" });
    }
  });

  it("reads a hello that is split over records", () => {
    for (const size of [1, 3, 100]) expect(parseClientHello(fragment(hello, size))).toEqual(expected);
  });

  it.each(["GET / HTTP/1.1\r\n", "\x16\x02", "\x17\x03\x01", "SSH-2.0-x"])(
    "knows that %j is no TLS",
    (text) => {
      expect(parseClientHello(Buffer.from(text, "latin1"))).toEqual({ kind: "not-tls" });
    },
  );

  it("takes garbage in TLS records for TLS without names, or for none", () => {
    expect(parseClientHello(Buffer.from("16030100040100000099", "hex")).kind).toBe("tls");
    expect(parseClientHello(Buffer.from("160301000402000000", "hex")).kind).toBe("not-tls");
  });

  it("never throws, and never asks for more than 64 KiB", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(), (noise, at) => {
        const damaged = Buffer.from(hello);
        damaged.set(noise.subarray(0, damaged.length), at % Math.max(1, damaged.length - noise.length));
        expect(["tls", "not-tls", "need-more"]).toContain(parseClientHello(damaged).kind);
        expect(["tls", "not-tls", "need-more"]).toContain(parseClientHello(Buffer.from(noise)).kind);
      }),
      { numRuns: 300 },
    );
    const endless = Buffer.concat(
      Array.from({ length: 16 }, () =>
        Buffer.concat([Buffer.from([22, 3, 1, 16, 0]), Buffer.alloc(4096, 1)]),
      ),
    );
    expect(parseClientHello(endless).kind).not.toBe("need-more");
  });
});
