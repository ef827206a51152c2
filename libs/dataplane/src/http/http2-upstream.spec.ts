import { once } from "node:events";
import { createServer as createNetServer, type Server } from "node:net";
import { block, frame, headers, RawPeer, settingsPayload, uint32 } from "../codec/http2/fixtures.ts";
import { clientPreface, errorCode, frameFlag, frameType } from "../codec/http2/frame.ts";
import { defaultHttp2Settings } from "../runtime/http2-settings.ts";
import {
  exchange,
  forward,
  listen,
  openClient,
  type ProxyOptions,
  retryOn,
  startProxy,
  type TestProxy,
} from "./fixtures.ts";

const get = (path = "/") => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
const ok = (streamId: number, endStream = true) =>
  headers(streamId, [":status", "200", "content-length", endStream ? "0" : "1000000"], endStream);

describe("HTTP/2 to upstreams, frame by frame", () => {
  let proxy: TestProxy;
  let server: Server;
  let peers: RawPeer[];
  let onPeer: (peer: RawPeer) => void;

  beforeEach(async () => {
    peers = [];
    onPeer = (peer) => peer.send(frame(frameType.settings, 0, 0));
    server = createNetServer((socket) => {
      const peer = new RawPeer(socket, clientPreface.length);
      peers.push(peer);
      onPeer(peer);
    });
  });
  async function setUp(options: Partial<ProxyOptions> = {}) {
    const port = await listen(server);
    proxy = await startProxy({
      upstreamPorts: [port],
      ...options,
      cluster: { protocol: "http2", ...options.cluster },
    });
  }
  afterEach(async () => {
    for (const peer of peers) peer.socket.destroy();
    await proxy.close();
    server.close();
  });
  async function peer(index = 0): Promise<RawPeer> {
    while (peers[index] === undefined) await once(server, "connection");
    return peers[index];
  }
  const log = () =>
    proxy.logs.map(({ responseCode, flagText, details }) => [responseCode, flagText, details]);

  it("says what it takes, then sends heads in HTTP/2's terms", async () => {
    await setUp();
    const answer = exchange(
      proxy.port,
      `POST /x HTTP/1.1\r\nHost: a\r\nX-A: b\r\nConnection: x-gone\r\nX-Gone: 1\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nz\r\n0\r\n\r\n`,
    );
    const first = await peer();
    expect(await first.head(1)).toEqual(
      expect.arrayContaining([
        ":method: POST",
        ":scheme: http",
        ":authority: a",
        ":path: /x",
        "x-a: b",
        "te: trailers",
      ]),
    );
    expect((await first.head(1))?.join()).not.toMatch(/x-gone|connection|transfer-encoding|host/);
    await first.until(({ type, flags }) => type === frameType.data && flags === frameFlag.endStream);
    expect(first.body(1).toString()).toBe("z");
    first.send(ok(1));
    expect(await answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(first.frames[0]).toMatchObject({ type: frameType.settings });
  });

  it("keeps to the server's limit of streams, and opens a further connection for the rest", async () => {
    onPeer = (one) => one.send(frame(frameType.settings, 0, 0, settingsPayload([3, 2])));
    await setUp();
    const first = exchange(proxy.port, get());
    await (await peer()).head(1);
    await (await peer()).until(({ type, flags }) => type === frameType.settings && flags === frameFlag.ack);
    const more = [exchange(proxy.port, get()), exchange(proxy.port, get())];
    await (await peer()).head(3);
    expect(await (await peer(1)).head(1)).toBeDefined();
    (await peer()).send(ok(1), ok(3));
    (await peer(1)).send(ok(1));
    for (const answer of [first, ...more]) expect(await answer).toMatch(/^HTTP\/1\.1 200/);
  });

  it("moves to another connection when the server goes away, and lets streams there finish", async () => {
    await setUp({ route: forward({ retry: retryOn("refused-stream") }) });
    const answers = [exchange(proxy.port, get("/1"))];
    await (await peer()).head(1);
    answers.push(exchange(proxy.port, get("/2")));
    await (await peer()).head(3);
    (await peer()).send(frame(frameType.goaway, 0, 0, Buffer.concat([uint32(1), uint32(0)])));
    const second = await peer(1);
    await second.head(1);
    second.send(ok(1));
    (await peer()).send(ok(1));
    for (const answer of answers) expect(await answer).toMatch(/^HTTP\/1\.1 200/);
    await (await peer()).until(() => false); // closed: nothing is left on it
    expect(proxy.logs.map(({ attempts }) => attempts).sort()).toEqual([1, 2]);
  });

  it("gives up the rest of a request when its response is whole", async () => {
    await setUp();
    const client = openClient(proxy.port);
    client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc");
    const first = await peer();
    await first.until(({ type }) => type === frameType.data);
    first.send(ok(1));
    expect(await first.reset(1)).toBe(errorCode.noError);
    expect(String(await once(client, "data"))).toMatch(/^HTTP\/1\.1 200[\s\S]*connection: close/);
    client.destroy();
    const next = exchange(proxy.port, get());
    await first.head(3);
    first.send(ok(3));
    expect(await next).toMatch(/^HTTP\/1\.1 200/);
  });

  it("resets the upstream's stream when the client has gone", async () => {
    await setUp();
    const client = openClient(proxy.port);
    client.write(get());
    const first = await peer();
    await first.head(1);
    client.destroy();
    expect(await first.reset(1)).toBe(errorCode.cancel);
    expect(first.closed).toBe(false);
  });

  it.each<readonly [what: string, answer: (one: RawPeer) => void, log: readonly unknown[]]>([
    [
      "resets",
      (one) => one.send(frame(frameType.rstStream, 0, 1, uint32(2))),
      [503, "UR", "upstream_reset_before_response_started{remote_reset}"],
    ],
    [
      "refuses",
      (one) => one.send(frame(frameType.rstStream, 0, 1, uint32(7))),
      [503, "UR", "upstream_reset_before_response_started{remote_refused_stream_reset}"],
    ],
    [
      "closes",
      (one) => one.socket.destroy(),
      [503, "UC", "upstream_reset_before_response_started{connection_termination}"],
    ],
    [
      "speaks HTTP/1",
      (one) => one.socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"),
      [502, "UPE", "upstream_reset_before_response_started{protocol_error}"],
    ],
    [
      "sends no status",
      (one) => one.send(headers(1, ["a", "b"])),
      [502, "UPE", "upstream_reset_before_response_started{protocol_error}"],
    ],
    [
      "sends a body before its head",
      (one) => one.send(frame(frameType.data, frameFlag.endStream, 1, Buffer.from("x"))),
      [502, "UPE", "upstream_reset_before_response_started{protocol_error}"],
    ],
    [
      "breaks its header block",
      (one) => one.send(frame(frameType.headers, 5, 1, Buffer.of(0x80))),
      [502, "UPE", "upstream_reset_before_response_started{protocol_error}"],
    ],
    [
      "pushes",
      (one) => one.send(frame(frameType.pushPromise, 4, 1, Buffer.concat([uint32(2), block(":path", "/")]))),
      [502, "UPE", "upstream_reset_before_response_started{protocol_error}"],
    ],
    [
      "resets within a response",
      (one) => one.send(ok(1, false), frame(frameType.rstStream, 0, 1, uint32(2))),
      [200, "UR", "upstream_reset_after_response_started{remote_reset}"],
    ],
  ])("says so when the server %s", async (_what, answer, expected) => {
    await setUp();
    const client = openClient(proxy.port);
    client.write(get());
    const first = await peer();
    await first.head(1);
    answer(first);
    while (proxy.logs.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(log()).toEqual([expected]);
    client.destroy();
  });

  it("holds no more of a response than its windows while the client does not read", async () => {
    await setUp();
    const client = openClient(proxy.port);
    client.write(get());
    client.pause();
    const first = await peer();
    await first.head(1);
    first.send(headers(1, [":status", "200"], false));
    // A server that keeps to the windows, with much more to send than they allow.
    let window = defaultHttp2Settings.streamWindow;
    let sent = 0;
    for (const { type, streamId, payload } of first.frames)
      if (type === frameType.windowUpdate && streamId === 1) window += payload.readUInt32BE(0);
    let seen = first.frames.length;
    let idle = 0;
    while (idle < 20) {
      if (window >= 16_384) {
        first.send(frame(frameType.data, 0, 1, Buffer.alloc(16_384)));
        window -= 16_384;
        sent += 16_384;
        idle = 0;
      } else idle++;
      await new Promise((resolve) => setTimeout(resolve, 2));
      for (; seen < first.frames.length; seen++) {
        const { type, streamId, payload } = first.frames[seen] as RawPeer["frames"][number];
        if (type === frameType.windowUpdate && streamId === 1) window += payload.readUInt32BE(0);
      }
    }
    // The window, and what the kernel's buffers took.
    expect(sent).toBeLessThan(defaultHttp2Settings.streamWindow + 16 * 1024 * 1024);
    expect(proxy.logs).toEqual([]);
    client.destroy();
    expect(await first.reset(1)).toBe(errorCode.cancel);
  }, 20_000);
});
