import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createFakeClock } from "@weft/base";
import {
  defaultHeaderSettings,
  defaultHttp1Settings,
  defaultStreamTimeouts,
} from "../runtime/http-connection-manager.ts";
import {
  exchange,
  forward,
  openClient,
  type ProxyOptions,
  response,
  startProxy,
  startUpstream,
  type TestProxy,
  type TestUpstream,
} from "./fixtures.ts";

const cleanup: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0).reverse()) await close();
});

type OnData = Parameters<typeof startUpstream>[0];

/** Answers each request with what it got, once its head is there. */
const echo: OnData = (socket, received) => {
  if (received.endsWith("\r\n\r\n"))
    socket.write(response(200, received.slice(received.lastIndexOf("GET "))));
};

async function setUp(
  onData: OnData = echo,
  options: Omit<ProxyOptions, "upstreamPorts"> = {},
): Promise<{ proxy: TestProxy; upstream: TestUpstream }> {
  const upstream = await startUpstream(onData);
  cleanup.push(() => upstream.close());
  const proxy = await startProxy({ upstreamPorts: [upstream.port], ...options });
  cleanup.push(() => proxy.close());
  return { proxy, upstream };
}

/** Resolves when `condition` holds; checked after each turn of the event loop. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

const get = (path: string, headers = "") => `GET ${path} HTTP/1.1\r\nHost: h\r\n${headers}\r\n`;

describe("createHttpConnectionManager()", () => {
  it("passes a request on, hop-by-hop headers taken out, with what the mesh adds", async () => {
    const { proxy, upstream } = await setUp();
    await exchange(
      proxy.port,
      get(
        "/a?b",
        "Connection: X-Foo, keep-alive\r\nX-Foo: a\r\nKeep-Alive: 3\r\nTE: trailers, gzip\r\nX-Bar:  c \r\n",
      ),
    );
    expect(upstream.received).toEqual([
      "GET /a?b HTTP/1.1\r\nhost: h\r\nte: trailers\r\nx-bar: c\r\nx-forwarded-proto: http\r\n" +
        "x-request-id: 11111111-2222-4333-8444-555555555555\r\nx-envoy-expected-rq-timeout-ms: 15000\r\n\r\n",
    ]);
  });

  it("answers pipelined requests in order, over one upstream connection", async () => {
    const { proxy, upstream } = await setUp((socket, received) => {
      const paths = [...received.matchAll(/GET (\S+)/g)].map((match) => match[1] ?? "");
      if (received.endsWith("\r\n\r\n")) socket.write(response(200, paths.at(-1) ?? ""));
    });
    const received = await exchange(proxy.port, get("/1") + get("/2") + get("/3"), (text) =>
      text.endsWith("/3"),
    );
    expect(received.match(/(?<=\r\n\r\n)\/\d/g)).toEqual(["/1", "/2", "/3"]);
    expect(upstream.sockets).toHaveLength(1);
  });

  it.each([
    ["a broken head", "GET / HTTP/1.1\r\nhost : h\r\n\r\n", 400, "Bad Request", "DPE", "http1.codec_error"],
    ["HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 426, "Upgrade Required", "DPE", "low_version"],
    ["no host", "GET / HTTP/1.1\r\n\r\n", 400, "", "-", "missing_host_header"],
    ["a fragment", get("/a#b"), 400, "", "-", "path_normalization_failed"],
    ["an upgrade", get("/", "connection: upgrade\r\nupgrade: websocket\r\n"), 403, "", "-", "upgrade_failed"],
    ["CONNECT", "CONNECT h:443 HTTP/1.1\r\nhost: h\r\n\r\n", 403, "", "-", "upgrade_failed"],
    [
      "a coding",
      get("/", "transfer-encoding: gzip\r\n"),
      501,
      "Not Implemented",
      "DPE",
      "http1.invalid_transfer_encoding",
    ],
    [
      "a head too large",
      get("/", `a: ${"b".repeat(70_000)}\r\n`),
      431,
      "Request Header Fields Too Large",
      "DPE",
      "http1.headers_too_large",
    ],
  ])("refuses %s, and closes the connection", async (_what, text, status, body, flags, details) => {
    const { proxy } = await setUp();
    const received = await exchange(proxy.port, text, () => false);
    expect(received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(received).toContain("\r\nconnection: close\r\n");
    expect(received.slice(received.indexOf("\r\n\r\n") + 4)).toBe(body);
    expect(proxy.logs.map((log) => [log.responseCode, log.flagText, log.details])).toEqual([
      [status, flags, details],
    ]);
  });

  it("answers 404 without a route, and keeps the connection", async () => {
    const { proxy } = await setUp(echo, { route: undefined });
    const received = await exchange(
      proxy.port,
      get("/a") + get("/b"),
      (text) => (text.match(/ 404 /g)?.length ?? 0) === 2,
    );
    expect(received).toContain("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n");
    expect(proxy.logs.map((log) => log.flagText)).toEqual(["NR", "NR"]);
  });

  it("takes the authority from an absolute target", async () => {
    const { proxy, upstream } = await setUp();
    await exchange(proxy.port, get("http://other:81/x"));
    expect(upstream.received[0]).toMatch(/^GET \/x HTTP\/1\.1\r\nhost: other:81\r\n/);
  });

  it("answers HTTP/1.0 where that is allowed", async () => {
    const { proxy } = await setUp(echo, {
      config: { http1: { ...defaultHttp1Settings, acceptHttp10: true, defaultHost: "d" } },
    });
    const received = await exchange(proxy.port, "GET / HTTP/1.0\r\n\r\n", () => false);
    expect(received).toContain("\r\nconnection: close\r\n");
    expect(received).toContain("host: d\r\n");
  });

  it("answers Expect: 100-continue, and does not pass it on", async () => {
    const { proxy, upstream } = await setUp((socket, received) => {
      if (received.endsWith("xyz")) socket.write(response(200, "ok"));
    });
    const received = await exchange(
      proxy.port,
      "POST / HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\nxyz",
    );
    expect(received).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
    expect(upstream.received[0]).not.toContain("expect:");
  });

  it("sets x-forwarded-for and x-forwarded-proto at the edge, and takes out what only the mesh may say", async () => {
    const { proxy, upstream } = await setUp(echo, {
      config: { headers: { ...defaultHeaderSettings, useRemoteAddress: true } },
    });
    await exchange(
      proxy.port,
      get(
        "/",
        "x-forwarded-for: 1.2.3.4\r\nx-forwarded-proto: https\r\nx-envoy-retry-on: 5xx\r\nx-request-id: mine\r\n",
      ),
    );
    const head = upstream.received[0] ?? "";
    expect(head).toContain("x-forwarded-for: 1.2.3.4,127.0.0.1\r\n");
    expect(head).toContain("x-forwarded-proto: http\r\n");
    expect(head).toContain("x-envoy-external-address: 127.0.0.1\r\n");
    expect(head).toContain("x-request-id: 11111111-");
    expect(head).not.toContain("x-envoy-retry-on");
  });

  it("normalizes paths before it matches", async () => {
    const { proxy, upstream } = await setUp(echo, {
      config: { path: { normalize: true, mergeSlashes: true, escapedSlashes: "keep" } },
    });
    await exchange(proxy.port, get("/a//./b/../c%41?x=/../"));
    expect(upstream.received[0]).toMatch(/^GET \/a\/cA\?x=\/\.\.\/ /);
    expect(await exchange(proxy.port, get("/%00"))).toMatch(/^HTTP\/1\.1 400 /);
  });

  it("tunnels an upgrade both ways", async () => {
    const { proxy, upstream } = await setUp(
      (socket, received) => {
        if (received.endsWith("\r\n\r\n"))
          socket.write(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello",
          );
        else if (received.endsWith("ping")) socket.write("pong");
      },
      { config: { upgrades: new Set(["websocket"]) } },
    );
    const client = openClient(proxy.port);
    client.write(get("/ws", "connection: Upgrade\r\nupgrade: WebSocket\r\n"));
    let received = "";
    client.on("data", (bytes) => {
      received += bytes.toString();
      if (received.endsWith("hello")) client.write("ping");
    });
    await until(() => received.endsWith("pong"));
    expect(received).toMatch(/^HTTP\/1\.1 101 [\s\S]*\r\nconnection: upgrade\r\n\r\nhellopong$/);
    expect(upstream.received[0]).toContain("upgrade: WebSocket\r\n");
    client.destroy();
    await until(() => proxy.logs.length === 1);
  });

  it("breaks off upstream when the client goes", async () => {
    const { proxy, upstream } = await setUp(() => {});
    const client = openClient(proxy.port);
    client.write(get("/"));
    await until(() => upstream.received[0] !== undefined && upstream.received[0] !== "");
    client.destroy();
    await until(() => proxy.logs.length === 1);
    expect(proxy.logs[0]?.flagText).toBe("DC");
    const [socket] = upstream.sockets;
    if (socket?.closed === false) await once(socket, "close");
  });

  it("says connection: close while draining, and closes idle connections after a while", async () => {
    const clock = createFakeClock();
    const { proxy } = await setUp(echo, { clock });
    const client = openClient(proxy.port);
    let received = "";
    client.on("data", (bytes) => {
      received += bytes.toString();
    });
    client.write(get("/1"));
    await until(() => received.includes("/1"));
    for (const connection of proxy.connections) connection.drain();
    client.write(get("/2"));
    await once(client, "end");
    expect(received.match(/connection: close/g)).toHaveLength(1);

    const idle = openClient(proxy.port).resume();
    await until(() => proxy.connections.length === 2);
    for (const connection of proxy.connections) connection.drain();
    clock.advance(5100);
    await once(idle, "close");
  });

  it("ends streams that stand still, and requests that take too long to come", async () => {
    const clock = createFakeClock();
    const { proxy, upstream } = await setUp(() => {}, {
      clock,
      route: forward({ timeoutMs: 0, idleTimeoutMs: 1000 }),
    });
    const answer = exchange(proxy.port, get("/"));
    await until(() => (upstream.received[0] ?? "") !== "");
    clock.advance(900);
    expect(proxy.logs).toHaveLength(0);
    clock.advance(200);
    expect(await answer).toMatch(/^HTTP\/1\.1 504 [\s\S]*stream timeout$/);
    expect(proxy.logs[0]?.flagText).toBe("SI");
  });

  it("answers 408 where a head does not come to its end", async () => {
    const clock = createFakeClock();
    const { proxy } = await setUp(echo, {
      clock,
      config: { timeouts: { ...defaultStreamTimeouts, requestHeadersMs: 500 } },
    });
    const client = openClient(proxy.port);
    let received = "";
    client.on("data", (bytes) => {
      received += bytes.toString();
    });
    client.write("GET / HTTP/1.1\r\nhost: h\r\n");
    await until(() => proxy.connections.length === 1);
    // Until its bytes are in, the timer does not run.
    const look = () => clock.advance(100);
    while (received === "") {
      look();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(received).toMatch(/^HTTP\/1\.1 408 [\s\S]*request header timeout$/);
    client.destroy();
  });

  it("closes connections that carry nothing", async () => {
    const clock = createFakeClock();
    const { proxy } = await setUp(echo, { clock });
    const client = openClient(proxy.port).resume();
    await until(() => proxy.connections.length === 1);
    clock.advance(3_600_010);
    await once(client, "close");
  });

  it("pauses the upstream for a slow client, and loses nothing", async () => {
    const size = 48 * 1024 * 1024;
    const sent = randomBytes(size);
    const { proxy, upstream } = await setUp((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
      socket.write(sent);
    });
    const client = openClient(proxy.port);
    client.pause();
    client.write(get("/"));
    await until(() => upstream.sockets.length === 1 && (upstream.received[0] ?? "") !== "");
    for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
    // Much of it still waits at the upstream: the kernel's buffers, and one read here, hold the rest.
    expect(upstream.sockets[0]?.writableLength).toBeGreaterThan(0);
    const got = createHash("sha256");
    let count = 0;
    let start = -1;
    client.on("data", (bytes: Buffer) => {
      // The head comes in a chunk with the first of the body.
      start = start < 0 ? bytes.indexOf("\r\n\r\n") + 4 : 0;
      got.update(bytes.subarray(start));
      count += bytes.length - start;
    });
    client.resume();
    await until(() => count === size);
    expect(got.digest("hex")).toBe(createHash("sha256").update(sent).digest("hex"));
    await until(() => proxy.logs.length === 1);
    expect(proxy.logs[0]?.bytesSent).toBe(size);
    client.destroy();
  });

  it("pauses the client for a slow upstream, and loses nothing", async () => {
    const size = 48 * 1024 * 1024;
    let total = 0;
    const { proxy, upstream } = await setUp((socket, received) => {
      total = received.length;
      if (received.endsWith("z")) socket.write(response(200, "ok"));
      else if (received.length < 70_000) {
        socket.pause();
      }
    });
    const client = openClient(proxy.port).resume();
    client.write(`POST / HTTP/1.1\r\nhost: h\r\ncontent-length: ${size}\r\n\r\n`);
    client.write(Buffer.alloc(size - 1, "a"));
    client.write("z");
    await until(() => upstream.sockets.length === 1 && total > 0);
    for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(client.writableLength).toBeGreaterThan(0);
    upstream.sockets[0]?.removeAllListeners("data");
    let got = 0;
    upstream.sockets[0]?.on("data", (bytes: Buffer) => {
      got += bytes.length;
      if (bytes.at(-1) === 0x7a) upstream.sockets[0]?.write(response(200, "ok"));
    });
    upstream.sockets[0]?.resume();
    await until(() => proxy.logs.length === 1);
    expect(proxy.logs[0]?.bytesReceived).toBe(size);
    expect(got).toBeGreaterThan(size - 100_000);
    client.destroy();
  });
});
