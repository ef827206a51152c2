import fc from "fast-check";
import type { HeaderMap } from "../../runtime/headers.ts";
import { CodecError } from "../error.ts";
import { parseFieldLines } from "./fields.ts";
import { type BodyLength, responseLength } from "./framing.ts";
import { MessageParser, type ParserSink } from "./parser.ts";
import { parseRequestHead } from "./request-head.ts";
import { serializeHeaders } from "./serialize.ts";
import { parseStatusLine } from "./start-line.ts";

const options = {
  maxHeadBytes: 2048,
  maxHeaders: 10,
  preserveCase: false,
  allowAbsoluteUrl: true,
  allowChunkedLength: false,
};

/** Events of a stream of requests, data joined; an error ends it. */
function parse(pieces: readonly Buffer[], response = false): string[] {
  const events: string[] = [];
  let data = "";
  const flush = () => {
    if (data !== "") events.push(`data ${data}`);
    data = "";
  };
  const sink: ParserSink = {
    onHead: (text): BodyLength => {
      if (response) {
        const { status } = parseStatusLine(text.slice(0, text.indexOf("\r\n")));
        const headers = parseFieldLines(text, text.indexOf("\r\n") + 2, options);
        events.push(`${status} ${serializeHeaders(headers)}`);
        return responseLength("GET", status, headers);
      }
      const { head, body } = parseRequestHead(text, options);
      events.push(`${head.method} ${head.authority} ${head.path} ${serializeHeaders(head.headers)}`);
      return body;
    },
    onData: (chunk) => {
      data += chunk.toString("latin1");
    },
    onTrailers: (trailers: HeaderMap) => {
      flush();
      if (trailers.size > 0) events.push(`trailers ${serializeHeaders(trailers)}`);
    },
    onMessageEnd: () => {
      flush();
      events.push("end");
      queue.push(() => parser.next());
    },
  };
  const queue: (() => void)[] = [];
  const parser = new MessageParser(sink, options);
  const guarded = (step: () => void) => {
    try {
      step();
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) next();
      return true;
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      flush();
      events.push(`error ${error.code}`);
      return false;
    }
  };
  if (pieces.every((piece) => guarded(() => parser.execute(piece)))) guarded(() => parser.end());
  return events;
}

const request = (text: string) => parse([Buffer.from(text, "latin1")]);

describe("MessageParser", () => {
  it("reads requests one after the other", () => {
    expect(
      request(
        "GET /a HTTP/1.1\r\nHost: h\r\nX-A:  1 \r\n\r\nPOST /b HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nxyz",
      ),
    ).toEqual(["GET h /a x-a: 1\r\n", "end", "POST h /b content-length: 3\r\n", "data xyz", "end"]);
  });

  it("reads chunks, their extensions and trailers", () => {
    expect(
      request(
        "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n2;a=b\r\nxy\r\n1\r\nz\r\n0\r\nt: 1\r\n\r\n",
      ),
    ).toEqual(["POST h / ", "data xyz", "trailers t: 1\r\n", "end"]);
  });

  it("reads lines that end in LF alone, as Envoy does", () => {
    expect(request("GET / HTTP/1.1\nhost: h\n\nGET /b HTTP/1.1\r\nhost: h\r\n\r\n")).toEqual([
      "GET h / ",
      "end",
      "GET h /b ",
      "end",
    ]);
  });

  it("reads a body to the end of the connection", () => {
    expect(parse([Buffer.from("HTTP/1.1 200 OK\r\na: b\r\n\r\nxyz")], true)).toEqual([
      "200 a: b\r\n",
      "data xyz",
      "end",
    ]);
  });

  const head = (lines: string) => `POST / HTTP/1.1\r\nhost: h\r\n${lines}\r\n\r\n`;
  const chunks = (text: string) => `${head("transfer-encoding: chunked")}${text}`;

  it.each([
    [
      "both length and chunked",
      head("content-length: 3\r\ntransfer-encoding: chunked"),
      "length-and-chunked",
    ],
    ["two lengths", head("content-length: 3\r\ncontent-length: 4"), "invalid-length"],
    ["the same length twice", head("content-length: 3\r\ncontent-length: 3"), "invalid-length"],
    ["a list of lengths", head("content-length: 3, 3"), "invalid-length"],
    ["a signed length", head("content-length: +3"), "invalid-length"],
    ["a hexadecimal length", head("content-length: 0x3"), "invalid-length"],
    ["an empty length", head("content-length:"), "invalid-length"],
    ["another coding", head("transfer-encoding: gzip, chunked"), "invalid-transfer-encoding"],
    [
      "chunked twice",
      head("transfer-encoding: chunked\r\ntransfer-encoding: chunked"),
      "invalid-transfer-encoding",
    ],
    ["white space before a colon", head("content-length : 3"), "bad-head"],
    ["a folded line", head("a: b\r\n c"), "bad-head"],
    ["a line without colon", head("a"), "bad-head"],
    ["a header without name", head(": a"), "bad-head"],
    ["a name that is no token", head("a(b: c"), "bad-head"],
    ["CR within a value", head("a: b\rc"), "bad-head"],
    ["NUL within a value", head("a: b\0c"), "invalid-characters"],
    ["two hosts", head("host: b"), "bad-head"],
    ["a host with a space", "GET / HTTP/1.1\r\nhost: a b\r\n\r\n", "bad-head"],
    ["an unknown method", "FOO / HTTP/1.1\r\nhost: h\r\n\r\n", "bad-head"],
    ["a path with a space", "GET /a b HTTP/1.1\r\nhost: h\r\n\r\n", "invalid-url"],
    ["a path without slash", "GET a HTTP/1.1\r\nhost: h\r\n\r\n", "invalid-url"],
    ["another scheme", "GET ftp://a/ HTTP/1.1\r\nhost: h\r\n\r\n", "invalid-url"],
    ["another protocol", "GET / HTTX/1.1\r\nhost: h\r\n\r\n", "bad-head"],
    ["a TLS hello", "\x16\x03\x01\r\n\r\n", "invalid-characters"],
    [
      "too many headers",
      head(Array.from({ length: 10 }, (_, i) => `a${i}: b`).join("\r\n")),
      "too-many-headers",
    ],
    ["a head too large", head(`a: ${"b".repeat(3000)}`), "head-too-large"],
    ["a chunk size that is no number", chunks("z\r\n"), "bad-chunk"],
    ["a chunk size beyond reason", chunks("fffffffffffffff\r\n"), "bad-chunk"],
    ["a chunk size line that ends in LF", chunks("1\nx\n0\n\n"), "bad-chunk"],
    ["a chunk longer than it says", chunks("1\r\nxy\r\n"), "bad-chunk"],
    ["trailers too large", chunks(`0\r\na: ${"b".repeat(3000)}`), "trailers-too-large"],
    ["an end within a head", "GET / HTTP/1.1\r\n", "unexpected-end"],
    ["an end within a body", `${head("content-length: 3")}x`, "unexpected-end"],
  ])("rejects %s", (_what, text, code) => {
    expect(request(text).at(-1)).toBe(`error ${code}`);
  });
});

/** Cuts bytes at the given places. */
function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

const name = fc.constantFrom("a", "x-request-id", "Content-Type", "Cookie", "B");
const value = fc.stringMatching(/^[!-~]{0,12}$/);
const fields = fc.array(fc.tuple(name, value), { maxLength: 4 });
const body = fc.oneof(
  fc.constant(""),
  fc.string({ unit: "binary-ascii", maxLength: 40 }).map((text) => `length:${text}`),
  fc.array(fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 20 }), { maxLength: 4 }),
);
const message = fc.tuple(fc.constantFrom("GET", "POST"), fields, body).map(([method, list, content]) => {
  const lines = list.map(([key, text]) => `${key}: ${text}\r\n`).join("");
  const start = `${method} /p HTTP/1.1\r\nHost: h\r\n${lines}`;
  if (typeof content !== "string") {
    const parts = content.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join("");
    return `${start}Transfer-Encoding: chunked\r\n\r\n${parts}0\r\n\r\n`;
  }
  if (content === "") return `${start}\r\n`;
  return `${start}Content-Length: ${content.length - 7}\r\n\r\n${content.slice(7)}`;
});

describe("MessageParser, however its bytes are split", () => {
  it("finds the same events in well-formed requests, and no error", () => {
    fc.assert(
      fc.property(
        fc.array(message, { minLength: 1, maxLength: 3 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        (texts, cuts) => {
          const bytes = Buffer.from(texts.join(""), "latin1");
          const whole = parse([bytes]);
          expect(whole.filter((event) => event === "end")).toHaveLength(texts.length);
          expect(parse(split(bytes, cuts))).toEqual(whole);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("throws nothing but its own error, and the same one", () => {
    const noise = fc.oneof(
      message,
      fc.string({ unit: "binary-ascii", maxLength: 30 }),
      fc.constantFrom(
        "\r\n",
        "\n",
        "\r",
        ":",
        " ",
        "\r\n\r\n",
        "\n\n",
        "GET / HTTP/1.1\r\n",
        "Host: a\n",
        "0\r\n",
        "\0",
      ),
    );
    fc.assert(
      fc.property(fc.array(noise, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 20 }), (parts, cuts) => {
        const bytes = Buffer.from(parts.join(""), "latin1");
        expect(parse(split(bytes, cuts))).toEqual(parse([bytes]));
      }),
      { numRuns: 1000 },
    );
  });
});
