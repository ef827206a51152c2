import fc from "fast-check";
import { block, frame, getFields, headers, uint32 } from "./fixtures.ts";
import { clientPreface, frameFlag, frameType, Http2Error } from "./frame.ts";
import { FrameParser, type FrameSink } from "./frame-parser.ts";

/** Runs bytes through a parser in pieces; what it says, pieces of data joined. */
function parse(pieces: readonly Buffer[], server = true): string[] {
  const events: string[] = [];
  let dataBytes: Buffer[] = [];
  const sink: FrameSink = {
    onDataFrame: (id, length, end) => {
      events.push(`data ${id} ${length} ${end}`);
      dataBytes = [];
    },
    onDataPiece: (piece, last) => {
      dataBytes.push(Buffer.from(piece));
      if (last) events.push(`bytes ${Buffer.concat(dataBytes).toString("hex")}`);
    },
    onHeaderBlock: (id, bytes, end) => events.push(`headers ${id} ${bytes.toString("hex")} ${end}`),
    onReset: (id, code) => events.push(`reset ${id} ${code}`),
    onSettings: (payload) => events.push(`settings ${payload?.toString("hex") ?? "ack"}`),
    onPing: (payload, ack) => events.push(`ping ${payload.toString("hex")} ${ack}`),
    onGoaway: (id, code) => events.push(`goaway ${id} ${code}`),
    onWindowUpdate: (id, increment) => events.push(`window ${id} ${increment}`),
    onPriority: () => events.push("priority"),
    onEmptyFrame: () => events.push("empty"),
  };
  const parser = new FrameParser(sink, { server, maxBlockBytes: 1000 });
  for (const piece of pieces) {
    const buffer = Buffer.from(piece);
    parser.execute(buffer);
    buffer.fill(0xff); // views hold for the call alone
  }
  return events;
}

const padded = (payload: Buffer, padding: number) =>
  Buffer.concat([Buffer.of(padding), payload, Buffer.alloc(padding)]);

const someFrames: readonly Buffer[] = [
  frame(frameType.settings, 0, 0, Buffer.alloc(6)),
  frame(frameType.settings, frameFlag.ack, 0),
  headers(1, getFields("/x"), false),
  frame(frameType.data, 0, 1, Buffer.from("hello")),
  frame(frameType.data, frameFlag.padded, 1, padded(Buffer.from("hello"), 7)),
  frame(frameType.data, frameFlag.padded, 1, padded(Buffer.alloc(0), 0)),
  frame(frameType.data, frameFlag.padded | frameFlag.endStream, 1, padded(Buffer.alloc(0), 3)),
  frame(frameType.data, frameFlag.endStream, 1),
  frame(frameType.headers, 0, 3, block("a", "b")),
  frame(frameType.continuation, 0, 3, block("c", "d")),
  frame(frameType.continuation, frameFlag.endHeaders, 3, block("e", "f")),
  frame(frameType.headers, 0x2c, 5, padded(Buffer.concat([Buffer.alloc(5), block("a", "b")]), 4)),
  frame(frameType.priority, 0, 5, Buffer.alloc(5)),
  frame(frameType.rstStream, 0, 5, uint32(8)),
  frame(frameType.ping, 0, 0, Buffer.from("12345678")),
  frame(frameType.windowUpdate, 0, 1, uint32(10)),
  frame(77, 255, 9, Buffer.from("unknown")),
  frame(frameType.goaway, 0, 0, Buffer.concat([uint32(1), uint32(0), Buffer.from("bye")])),
];

describe("FrameParser", () => {
  const whole = Buffer.concat([clientPreface, ...someFrames]);

  it("says what each frame holds", () => {
    expect(parse([whole])).toEqual([
      "settings 000000000000",
      "settings ack",
      `headers 1 ${block(...getFields("/x")).toString("hex")} false`,
      "data 1 5 false",
      "bytes 68656c6c6f",
      "data 1 13 false",
      "bytes 68656c6c6f",
      "empty",
      "data 1 1 false",
      "bytes ",
      "data 1 4 true",
      "bytes ",
      "data 1 0 true",
      "bytes ",
      `headers 3 ${block("a", "b", "c", "d", "e", "f").toString("hex")} false`,
      `headers 5 ${block("a", "b").toString("hex")} false`,
      "priority",
      "reset 5 8",
      "ping 3132333435363738 false",
      "window 1 10",
      "goaway 1 0",
    ]);
  });

  it("says the same, whatever pieces the bytes come in", () => {
    const expected = parse([whole]);
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: whole.length - 1 }), { maxLength: 40 });
    fc.assert(
      fc.property(cuts, (at) => {
        const ends = [...at.sort((a, b) => a - b), whole.length];
        expect(parse(ends.map((end, i) => whole.subarray(ends[i - 1] ?? 0, end)))).toEqual(expected);
      }),
    );
    expect(parse([...whole].map((byte) => Buffer.of(byte)))).toEqual(expected);
  });

  it("throws nothing but its own error, whatever comes", () => {
    const junk = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      // Frames that make sense but for some of their bytes.
      fc
        .tuple(fc.nat(whole.length - 1 - clientPreface.length), fc.nat(255), fc.nat(300))
        .map(([at, byte, cut]) => {
          const changed = Buffer.from(whole.subarray(clientPreface.length));
          changed[at] = byte;
          return changed.subarray(0, Math.max(1, changed.length - cut));
        }),
    );
    fc.assert(
      fc.property(junk, fc.nat(50), (bytes, cut) => {
        try {
          parse([bytes.subarray(0, cut), bytes.subarray(cut)], false);
        } catch (error) {
          expect(error).toBeInstanceOf(Http2Error);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("wants the client's preface", () => {
    expect(() => parse([Buffer.from("GET / HTTP/1.1\r\n")])).toThrow("preface");
    expect(() => parse([clientPreface.subarray(0, 20), Buffer.from("xxxx")])).toThrow("preface");
  });
});
