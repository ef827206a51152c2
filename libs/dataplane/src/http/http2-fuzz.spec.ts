import { once } from "node:events";
import { createServer } from "node:http2";
import { connect, createServer as createNetServer, type Server } from "node:net";
import fc from "fast-check";
import { block, frame, getFields, headers, settingsPayload, uint32 } from "../codec/http2/fixtures.ts";
import { clientPreface, frameType } from "../codec/http2/frame.ts";
import { exchange, forward, listen, startProxy, type TestProxy } from "./fixtures.ts";

const id = fc.constantFrom(0, 1, 1, 3, 3, 5, 7, 2, 2 ** 31 - 1);
const flags = fc.constantFrom(0, 1, 4, 5, 8, 12, 13, 32, 45, 255);
const bytes = fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array));
const fields = fc.constantFrom(
  getFields("/"),
  getFields("/", "content-length", "3"),
  getFields("/", "te", "trailers", "content-type", "application/grpc"),
  getFields("/").slice(2),
  ["x-trailer", "1"],
  [":status", "200"],
  [":status", "103", "link", "a"],
  [":status", "200", "content-length", "5"],
  [":method", "CONNECT", ":authority", "a"],
  [":method", "CONNECT", ":protocol", "websocket", ...getFields("/").slice(2)],
);
/** Frames: such as make sense, somewhere, and such as do not. */
const anyFrame = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(id, fields, fc.boolean()).map(([stream, list, end]) => headers(stream, list, end)),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(flags, id, bytes)
      .map(([flag, stream, data]) => frame(frameType.data, flag & ~8, stream, data)),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(flags, id, fields)
      .map(([flag, stream, list]) => frame(frameType.headers, flag, stream, block(...list))),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(flags, id, bytes)
      .map(([flag, stream, rest]) => frame(frameType.continuation, flag, stream, rest)),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(id, fc.nat(14))
      .map(([stream, code]) => frame(frameType.rstStream, 0, stream, uint32(code))),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat(9), fc.constantFrom(0, 1, 100, 65_535, 2 ** 31 - 1))
      .map(([key, value]) => frame(frameType.settings, 0, 0, settingsPayload([key, value]))),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(id, fc.constantFrom(0, 1, 65_535, 2 ** 31 - 1))
      .map(([stream, value]) => frame(frameType.windowUpdate, 0, stream, uint32(value))),
  },
  {
    weight: 1,
    arbitrary: id.map((stream) => frame(frameType.goaway, 0, 0, Buffer.concat([uint32(stream), uint32(0)]))),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat(12), flags, id, bytes)
      .map(([type, flag, stream, rest]) => frame(type, flag, stream, rest)),
  },
);
const conversation = fc.array(anyFrame, { minLength: 1, maxLength: 30 });

describe("HTTP/2 that makes no sense", () => {
  let proxy: TestProxy;

  it("from clients harms nobody else", async () => {
    const upstream = createServer((request, response) => {
      request.on("error", () => {}); // resets are part of the test
      response.on("error", () => {});
      request.resume();
      response.end("ok");
    });
    upstream.on("sessionError", () => {});
    const port = await listen(upstream as unknown as Server); // an HTTP/2 server is a net server
    proxy = await startProxy({
      upstreamPorts: [port],
      cluster: { protocol: "http2" },
      config: { upgrades: new Set(["websocket", "connect"]) },
    });
    await fc.assert(
      fc.asyncProperty(conversation, fc.boolean(), async (frames, abrupt) => {
        const socket = connect(proxy.port, "127.0.0.1").on("error", () => {});
        await once(socket, "connect");
        socket.resume();
        socket.write(Buffer.concat([clientPreface, frame(frameType.settings, 0, 0), ...frames]));
        if (abrupt) socket.destroy();
        else socket.end();
        await new Promise((resolve) => (socket.closed ? resolve(undefined) : socket.once("close", resolve)));
      }),
      { numRuns: 300 },
    );
    expect(
      await exchange(
        proxy.port,
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        (text) => text.endsWith("0\r\n\r\n") || text.endsWith("ok"),
      ),
    ).toMatch(/^HTTP\/1\.1 200/);
    await proxy.close();
    upstream.close();
  }, 60_000);

  it("from upstreams ends the request, and no more", async () => {
    let answer: readonly Buffer[] = [];
    const upstream = createNetServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => {
        socket.write(Buffer.concat([frame(frameType.settings, 0, 0), ...answer]));
        socket.end();
      });
    });
    const port = await listen(upstream);
    proxy = await startProxy({
      upstreamPorts: [port],
      cluster: { protocol: "http2" },
      route: forward({ timeoutMs: 5000 }),
    });
    await fc.assert(
      fc.asyncProperty(conversation, async (frames) => {
        answer = frames;
        const logged = proxy.logs.length;
        await exchange(proxy.port, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", () => false);
        expect(proxy.logs.length).toBe(logged + 1);
        // The upstream closes: nobody waits for it in vain.
        expect(proxy.logs.at(-1)?.flagText).not.toContain("UT");
      }),
      { numRuns: 300 },
    );
    await proxy.close();
    upstream.close();
  }, 60_000);
});
