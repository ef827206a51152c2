import {
  block,
  frame,
  getFields,
  headers,
  openRawClient,
  type RawPeer,
  settingsPayload,
  uint32,
} from "../codec/http2/fixtures.ts";
import { errorCode, frameFlag, frameType, settingId } from "../codec/http2/frame.ts";
import { defaultHttp2Settings, type Http2Settings } from "../runtime/http2-settings.ts";
import { response, startProxy, startUpstream, type TestProxy, type TestUpstream } from "./fixtures.ts";

const {
  data,
  headers: headersType,
  continuation,
  ping,
  priority,
  rstStream,
  settings,
  windowUpdate,
} = frameType;
const pingPayload = Buffer.alloc(8);

describe("HTTP/2 from downstream, frame by frame", () => {
  let proxy: TestProxy;
  let upstream: TestUpstream;
  let peers: RawPeer[];

  async function setUp(http2: Partial<Http2Settings> = {}, body = "hello") {
    upstream = await startUpstream((socket, received) => {
      if (received.endsWith("\r\n\r\n") && !received.includes("/slow")) socket.write(response(200, body));
    });
    proxy = await startProxy({
      upstreamPorts: [upstream.port],
      config: { http2: { ...defaultHttp2Settings, ...http2 } },
    });
  }
  async function open(payload?: Buffer): Promise<RawPeer> {
    const peer = await openRawClient(proxy.port, payload);
    peers.push(peer);
    return peer;
  }

  beforeEach(() => {
    peers = [];
  });
  afterEach(async () => {
    for (const peer of peers) peer.socket.destroy();
    await proxy.close();
    await upstream.close();
  });

  it("answers a request, and says what it allows first", async () => {
    await setUp({ maxConcurrentStreams: 7, streamWindow: 100_000 });
    const peer = await open();
    peer.send(headers(1, getFields("/x", "cookie", "a=b", "cookie", "c=d")));
    expect(await peer.head(1)).toEqual(expect.arrayContaining([":status: 200", "content-length: 5"]));
    await peer.until(({ type, flags }) => type === data && (flags & frameFlag.endStream) !== 0);
    expect(peer.body(1).toString()).toBe("hello");
    expect(peer.frames[0]?.payload).toEqual(
      settingsPayload(
        [settingId.headerTableSize, 4096],
        [settingId.maxConcurrentStreams, 7],
        [settingId.initialWindowSize, 100_000],
      ),
    );
    expect(upstream.received[0]).toMatch(/^GET \/x HTTP\/1\.1\r\nhost: a\r\ncookie: a=b; c=d\r\n/);
    expect(
      proxy.logs.map(({ protocol, responseCode, flagText }) => [protocol, responseCode, flagText]),
    ).toEqual([["HTTP/2", 200, "-"]]);
  });

  it("sends no more than the windows allow, and goes on when they open", async () => {
    await setUp({}, "x".repeat(100_000));
    const peer = await open(settingsPayload([settingId.initialWindowSize, 10]));
    peer.send(headers(1, getFields()), headers(3, getFields()));
    await peer.until(({ type, streamId }) => type === data && streamId === 3);
    await peer.until(({ type, streamId }) => type === data && streamId === 1);
    expect([peer.body(1).length, peer.body(3).length]).toEqual([10, 10]);
    peer.send(frame(settings, 0, 0, settingsPayload([settingId.initialWindowSize, 15])));
    await peer.until(() => peer.body(1).length + peer.body(3).length >= 30);
    expect([peer.body(1).length, peer.body(3).length]).toEqual([15, 15]);
    peer.send(frame(windowUpdate, 0, 1, uint32(1_000_000)), frame(windowUpdate, 0, 3, uint32(1_000_000)));
    // Now the connection's window is the limit, and both have their share of it.
    await peer.until(() => peer.body(1).length + peer.body(3).length >= 65_535);
    expect(Math.abs(peer.body(1).length - peer.body(3).length)).toBeLessThanOrEqual(16_384);
    peer.send(frame(windowUpdate, 0, 0, uint32(1_000_000)));
    await peer.until(() => peer.body(1).length + peer.body(3).length >= 200_000);
    expect([peer.body(1).length, peer.body(3).length]).toEqual([100_000, 100_000]);
  });

  it("refuses streams above the limit, and takes further ones later", async () => {
    await setUp({ maxConcurrentStreams: 1 });
    const peer = await open();
    peer.send(headers(1, getFields(), false), headers(3, getFields()));
    expect(await peer.reset(3)).toBe(errorCode.refusedStream);
    peer.send(frame(data, frameFlag.endStream, 1));
    await peer.until(({ type, streamId }) => type === data && streamId === 1);
    peer.send(headers(5, getFields()));
    expect(await peer.head(5)).toContain(":status: 200");
  });

  it("puts together heads and data that come in pieces, with padding and priorities", async () => {
    await setUp();
    const peer = await open();
    const whole = block(...getFields("/p", "x-a", "b".repeat(50)));
    const padded = frameFlag.padded | frameFlag.priority;
    const bytes = Buffer.concat([
      frame(
        headersType,
        padded,
        1,
        Buffer.concat([Buffer.of(3), Buffer.alloc(5), whole.subarray(0, 20), Buffer.alloc(3)]),
      ),
      frame(continuation, 0, 1, whole.subarray(20, 40)),
      frame(continuation, frameFlag.endHeaders, 1, whole.subarray(40)),
      frame(data, frameFlag.padded, 1, Buffer.from("\x02ab\0\0")),
      frame(priority, 0, 1, Buffer.alloc(5)),
      frame(200, 255, 1, Buffer.from("of no known type")),
      frame(data, frameFlag.padded | frameFlag.endStream, 1, Buffer.from("\x01\0")),
    ]);
    for (const byte of bytes) peer.send(Buffer.of(byte));
    expect(await peer.until(() => upstream.received[0]?.endsWith("0\r\n\r\n") === true)).toBeDefined();
    expect(upstream.received[0]).toMatch(/^GET \/p [\s\S]*x-a: b{50}\r\n[\s\S]*\r\n2\r\nab\r\n0\r\n\r\n$/);
  });

  it("passes on a reset, and answers pings", async () => {
    await setUp({}, "x".repeat(100_000));
    const peer = await open();
    peer.send(headers(1, getFields()), frame(ping, 0, 0, pingPayload));
    await peer.until(({ type }) => type === data);
    peer.send(frame(rstStream, 0, 1, uint32(errorCode.cancel)), frame(ping, 0, 0, Buffer.from("12345678")));
    const pong = await peer.until(({ type, payload }) => type === ping && payload.toString() === "12345678");
    expect(pong?.flags).toBe(frameFlag.ack);
    expect(proxy.logs.map(({ flagText, details }) => [flagText, details])).toEqual([
      ["DR", "http2.remote_reset"],
    ]);
    peer.send(headers(3, getFields()));
    expect(await peer.head(3)).toContain(":status: 200");
  });

  describe("requests that make no sense", () => {
    const cases: readonly (readonly [what: string, fields: readonly string[]])[] = [
      ["no :method", getFields().slice(2)],
      ["no :path", getFields().slice(0, 6)],
      ["no :scheme", [":method", "GET", ":path", "/", ":authority", "a"]],
      ["an empty :path", getFields("")],
      ["a :path without slash", getFields("x")],
      ["two :path", getFields("/", ":path", "/")],
      ["an unknown pseudo header", getFields("/", ":x", "y")],
      ["a pseudo header after a header", [...getFields().slice(0, 6), "a", "b", ":path", "/"]],
      [":status in a request", getFields("/", ":status", "200")],
      [
        ":protocol where it is not allowed",
        [":method", "CONNECT", ":protocol", "websocket", ...getFields().slice(2)],
      ],
      ["an upper-case name", getFields("/", "X-A", "b")],
      ["a connection header", getFields("/", "connection", "close")],
      ["transfer-encoding", getFields("/", "transfer-encoding", "chunked")],
      ["te: gzip", getFields("/", "te", "gzip")],
      ["CR LF in a value", getFields("/", "a", "b\r\nhost: c")],
      ["NUL in a path", getFields("/\0")],
      ["a space in a path", getFields("/ HTTP/1.1")],
      ["a content-length that is none", getFields("/", "content-length", "+1")],
      ["a content-length without body", getFields("/", "content-length", "1")],
      ["a host of several lines", [":method", "GET", ":scheme", "http", ":path", "/", "host", "a\nb"]],
      ["an authority with a user", getFields().map((text) => (text === "a" ? "u@a/b" : text))],
    ];

    it.each(cases)("%s ends the connection", async (_what, fields) => {
      await setUp();
      const peer = await open();
      peer.send(headers(1, fields));
      expect(await peer.goaway()).toBe(errorCode.protocolError);
      await peer.until(() => false); // until it is closed
      expect(upstream.received).toEqual([]);
    });

    it("costs the stream alone where that is set", async () => {
      await setUp({ malformedResetsStream: true });
      const peer = await open();
      for (const [i, [, fields]] of cases.entries()) peer.send(headers(i * 2 + 1, fields));
      for (const i of cases.keys()) expect(await peer.reset(i * 2 + 1)).toBe(errorCode.protocolError);
      peer.send(headers(1001, getFields()));
      expect(await peer.head(1001)).toContain(":status: 200");
    });

    it("more body than content-length says resets the upstream too", async () => {
      await setUp({ malformedResetsStream: true });
      const peer = await open();
      peer.send(
        headers(1, getFields("/", "content-length", "2"), false),
        frame(data, 0, 1, Buffer.from("abc")),
      );
      expect(await peer.reset(1)).toBe(errorCode.protocolError);
    });

    it("a head too large is reset, or ends the connection where there is no end to it", async () => {
      await setUp();
      const peer = await open();
      const large = Array.from({ length: 10 }, (_, i) => [`x-${i}`, "y".repeat(7000)]).flat();
      const whole = block(...getFields("/", ...large));
      const parts = Array.from({ length: 5 }, (_, i) => whole.subarray(i * 16_000, (i + 1) * 16_000));
      peer.send(
        ...parts.map((part, i) =>
          frame(i === 0 ? headersType : continuation, i === 4 ? 4 : i === 0 ? 1 : 0, 1, part),
        ),
      );
      expect(await peer.reset(1)).toBe(errorCode.internalError);
      peer.send(headers(3, getFields("/", ...Array.from({ length: 101 }, (_, i) => [`x${i}`, "y"]).flat())));
      expect(await peer.reset(3)).toBe(errorCode.internalError);
      peer.send(frame(headersType, 1, 5, parts[0]));
      for (let i = 0; i < 10; i++) peer.send(frame(continuation, 0, 5, Buffer.alloc(16_000, 0x20)));
      expect(await peer.goaway()).toBe(errorCode.enhanceYourCalm);
    });
  });

  it.each<readonly [what: string, code: number, frames: readonly Buffer[]]>([
    ["a frame too large", errorCode.frameSizeError, [frame(data, 0, 1, Buffer.alloc(16_385))]],
    ["DATA on stream 0", errorCode.protocolError, [frame(data, 0, 0, Buffer.from("x"))]],
    ["DATA on an idle stream", errorCode.protocolError, [frame(data, 0, 1, Buffer.from("x"))]],
    ["an even stream", errorCode.protocolError, [headers(2, getFields())]],
    ["PUSH_PROMISE", errorCode.protocolError, [frame(frameType.pushPromise, 4, 1, Buffer.alloc(4))]],
    ["CONTINUATION of nothing", errorCode.protocolError, [frame(continuation, 4, 1, Buffer.alloc(4))]],
    [
      "a block interrupted",
      errorCode.protocolError,
      [frame(headersType, 1, 1, block("a", "b")), frame(ping, 0, 0, pingPayload)],
    ],
    ["a broken block", errorCode.compressionError, [frame(headersType, 5, 1, Buffer.of(0x80))]],
    [
      "padding larger than its frame",
      errorCode.protocolError,
      [frame(headersType, 13, 1, Buffer.from("\xff", "latin1"))],
    ],
    ["WINDOW_UPDATE of 0", errorCode.protocolError, [frame(windowUpdate, 0, 0, uint32(0))]],
    ["a window too large", errorCode.flowControlError, [frame(windowUpdate, 0, 0, uint32(2 ** 31 - 1))]],
    [
      "an initial window too large",
      errorCode.flowControlError,
      [frame(settings, 0, 0, settingsPayload([4, 2 ** 31]))],
    ],
    ["a bad frame size setting", errorCode.protocolError, [frame(settings, 0, 0, settingsPayload([5, 1]))]],
    ["SETTINGS of odd length", errorCode.frameSizeError, [frame(settings, 0, 0, Buffer.alloc(5))]],
    ["SETTINGS on a stream", errorCode.protocolError, [frame(settings, 0, 1)]],
    ["a PING of wrong length", errorCode.frameSizeError, [frame(ping, 0, 0, Buffer.alloc(7))]],
    ["RST_STREAM of an idle stream", errorCode.protocolError, [frame(rstStream, 0, 1, uint32(0))]],
    [
      "too much data for the stream",
      errorCode.flowControlError,
      [
        headers(1, getFields(), false),
        ...Array.from({ length: 20 }, () => frame(data, 0, 1, Buffer.alloc(16_384))),
      ],
    ],
  ])("%s ends the connection or the stream", async (what, code, frames) => {
    await setUp();
    if (what.includes("for the stream")) await upstream.close(); // nobody takes the data
    const peer = await open();
    peer.send(...frames);
    if (what.includes("for the stream")) {
      expect(await peer.until(({ type }) => type === rstStream || type === headersType)).toBeDefined();
      return;
    }
    expect(await peer.goaway()).toBe(code);
    await peer.until(() => false); // until it is closed
    expect(proxy.stats.scope("http.test").counter("downstream_cx_protocol_error")).toBeDefined();
  });

  describe("floods", () => {
    async function ends(...frames: readonly Buffer[]) {
      await setUp();
      const peer = await open();
      for (const one of frames) peer.send(one);
      expect(await peer.goaway()).toBe(errorCode.enhanceYourCalm);
    }
    const many = (count: number, make: (i: number) => Buffer) =>
      Buffer.concat(Array.from({ length: count }, (_, i) => make(i)));

    it("streams opened and reset at once", async () => {
      await ends(
        many(300, (i) =>
          Buffer.concat([headers(i * 2 + 1, getFields()), frame(rstStream, 0, i * 2 + 1, uint32(8))]),
        ),
      );
    });

    it("but not streams of which less than half are reset", async () => {
      await setUp({ limits: { ...defaultHttp2Settings.limits, prematureResetStreams: 50 } });
      const peer = await open();
      for (let i = 0; i < 30; i++) {
        const id = i * 6 + 1;
        peer.send(
          headers(id, getFields()),
          headers(id + 2, getFields()),
          headers(id + 4, getFields(i < 24 ? "/slow" : "/")),
        );
        await peer.until(({ type, flags, streamId }) => type === data && flags === 1 && streamId === id + 2);
        await peer.until(({ type, flags, streamId }) => type === data && flags === 1 && streamId === id);
        if (i < 24) peer.send(frame(rstStream, 0, id + 4, uint32(8)));
        peer.frames.length = 0;
      }
      expect(peer.closed).toBe(false);
      expect(proxy.logs.filter(({ flagText }) => flagText === "DR")).toHaveLength(24);
    });

    it("empty DATA", async () => {
      await ends(
        headers(1, getFields(), false),
        many(3, () => frame(data, 0, 1)),
      );
    });

    it("empty CONTINUATION", async () => {
      await ends(
        frame(headersType, 1, 1, block(...getFields())),
        many(3, () => frame(continuation, 0, 1)),
      );
    });

    it("PRIORITY", async () => {
      await ends(many(150, () => frame(priority, 0, 1, Buffer.alloc(5))));
    });

    it("WINDOW_UPDATE", async () => {
      await ends(many(50, () => frame(windowUpdate, 0, 0, uint32(1))));
    });

    it.each([
      ["pings", () => frame(ping, 0, 0, pingPayload)],
      ["settings", () => frame(settings, 0, 0, settingsPayload([4, 1000]))],
    ])(
      "%s whose answers nobody reads",
      async (_what, make) => {
        await setUp();
        const peer = await open();
        peer.socket.pause();
        const flood = many(2000, make);
        // As much as the kernel's buffers hold, and then some.
        const closed = new Promise<void>((resolve) => peer.socket.once("error", () => resolve()));
        const write = () => {
          if (!peer.socket.destroyed) peer.socket.write(flood, () => setImmediate(write));
        };
        write();
        await Promise.race([closed, proxy.connections[0]?.closed]);
      },
      20_000,
    );
  });

  it("pings where that is set, and gives up on a client that does not answer", async () => {
    await setUp({ keepAlive: { intervalMs: 20, timeoutMs: 2000 } });
    const alive = await open();
    await alive.until(({ type }) => type === ping);
    const asked = alive.frames.find(({ type }) => type === ping);
    alive.frames.length = 0;
    alive.send(frame(ping, frameFlag.ack, 0, asked?.payload));
    expect(await alive.until(({ type }) => type === ping)).toBeDefined();
    await proxy.close();
    await upstream.close();
    await setUp({ keepAlive: { intervalMs: 20, timeoutMs: 20 } });
    const dead = await open();
    await dead.until(() => false); // until it is closed
    expect(dead.frames.some(({ type }) => type === ping)).toBe(true);
  });

  it("goes away after as many requests as a connection may carry", async () => {
    upstream = await startUpstream((socket, received) => {
      if (received.endsWith("\r\n\r\n")) socket.write(response(200, "x"));
    });
    proxy = await startProxy({ upstreamPorts: [upstream.port], config: { maxRequestsPerConnection: 2 } });
    const peer = await open();
    peer.send(headers(1, getFields()));
    expect(await peer.head(1)).toContain(":status: 200");
    expect(peer.frames.some(({ type }) => type === frameType.goaway)).toBe(false);
    peer.send(headers(3, getFields()));
    expect(await peer.goaway()).toBe(errorCode.noError);
    expect(await peer.head(3)).toContain(":status: 200");
  });

  it("drains: says so, finishes what is under way, and closes", async () => {
    await setUp();
    const peer = await open();
    peer.send(headers(1, getFields(), false));
    await peer.until(({ type, flags }) => type === settings && flags === frameFlag.ack);
    proxy.connections[0]?.drain();
    expect(await peer.goaway()).toBe(errorCode.noError);
    // The client may have sent this before it heard.
    peer.send(headers(3, getFields()));
    expect(await peer.head(3)).toContain(":status: 200");
    peer.send(frame(data, frameFlag.endStream, 1));
    expect(await peer.head(1)).toContain(":status: 200");
    expect(peer.closed).toBe(false);
  });
});
