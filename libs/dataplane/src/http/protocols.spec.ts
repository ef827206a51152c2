import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer as createHttp1, request as requestHttp1 } from "node:http";
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  createServer as createHttp2,
  type ServerHttp2Stream,
} from "node:http2";
import type { Server, Socket } from "node:net";
import { promisify } from "node:util";
import { hasCommand } from "@weft/testkit";
import { defaultHttp1Settings } from "../runtime/http-connection-manager.ts";
import { defaultHttp2Settings } from "../runtime/http2-settings.ts";
import { exchange, forward, listen, startProxy, type TestProxy } from "./fixtures.ts";

type Version = "HTTP/1.1" | "HTTP/2";
const versions: readonly Version[] = ["HTTP/1.1", "HTTP/2"];
const pairs = versions.flatMap((from) => versions.map((to) => [from, to] as const));

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
  readonly trailers: Readonly<Record<string, unknown>>;
}

interface Ask {
  readonly method?: string;
  readonly body?: Buffer;
  readonly trailers?: Readonly<Record<string, string>>;
}

/** Echoes bodies and trailers; `/204` has none. `/ws` and extended CONNECT switch to echoing bytes. */
async function startEcho(version: Version): Promise<{ port: number; close: () => void }> {
  if (version === "HTTP/1.1") {
    const server = createHttp1((request, response) => {
      if (request.url === "/204") {
        response.writeHead(204).end();
        return;
      }
      response.writeHead(200, { "x-method": request.method ?? "" });
      request.on("data", (bytes: Buffer) => {
        if (!response.write(bytes)) request.pause();
      });
      response.on("drain", () => request.resume());
      request.on("end", () => {
        if (request.method !== "HEAD") response.addTrailers({ "x-t": request.trailers["x-t"] ?? "none" });
        response.end();
      });
    });
    server.on("upgrade", (_request, socket: Socket) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
      socket.on("data", (bytes: Buffer) => socket.write(`echo ${bytes}`));
      socket.on("error", () => {}); // resets are part of the tests
    });
    const port = await listen(server);
    return { port, close: () => server.close(() => {}).closeAllConnections() };
  }
  const server = createHttp2({ settings: { enableConnectProtocol: true }, maxSessionMemory: 100 });
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    stream.on("error", () => {}); // resets are part of the tests
    if (headers[":protocol"] === "websocket") {
      stream.respond({ ":status": 200 });
      stream.on("data", (bytes: Buffer) => stream.write(`echo ${bytes}`));
      return;
    }
    if (headers[":path"] === "/204") {
      stream.respond({ ":status": 204 }, { endStream: true });
      return;
    }
    let trailer = "none";
    stream.on("trailers", (trailers) => {
      trailer = String(trailers["x-t"]);
    });
    const head = headers[":method"] === "HEAD";
    stream.respond(
      { ":status": 200, "x-method": headers[":method"] },
      head ? { endStream: true } : { waitForTrailers: true },
    );
    if (head) return;
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-t": trailer }));
    stream.pipe(stream);
  });
  const port = await listen(server as unknown as Server); // an HTTP/2 server is a net server
  return {
    port,
    close: () => {
      server.close();
      for (const session of sessions) session.destroy();
    },
  };
}

function askHttp1(port: number, path: string, { method = "GET", body, trailers }: Ask): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = requestHttp1({ port, host: "127.0.0.1", path, method, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (bytes: Buffer) => chunks.push(bytes));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
          trailers: response.trailers,
        }),
      );
    });
    request.on("error", reject);
    if (trailers !== undefined) {
      request.setHeader("transfer-encoding", "chunked");
      request.flushHeaders();
      request.addTrailers(trailers);
    }
    request.end(body);
  });
}

function askHttp2(session: ClientHttp2Session, path: string, ask: Ask): Promise<Answer> {
  const { method = "GET", body, trailers } = ask;
  return new Promise((resolve, reject) => {
    const stream = session.request(
      { ":path": path, ":method": method },
      { endStream: body === undefined && trailers === undefined, waitForTrailers: trailers !== undefined },
    );
    let status = 0;
    let headers: Record<string, unknown> = {};
    let received: Record<string, unknown> = {};
    const chunks: Buffer[] = [];
    stream.on("response", (fields) => {
      headers = fields;
      status = Number(fields[":status"]);
    });
    stream.on("trailers", (fields) => {
      received = fields;
    });
    stream.on("data", (bytes: Buffer) => chunks.push(bytes));
    stream.on("end", () => resolve({ status, headers, body: Buffer.concat(chunks), trailers: received }));
    stream.on("error", reject);
    stream.on("wantTrailers", () => stream.sendTrailers({ ...trailers }));
    if (body !== undefined || trailers !== undefined) stream.end(body ?? Buffer.alloc(0));
  });
}

describe.each(pairs)("%s in, %s out", (from, to) => {
  let echo: Awaited<ReturnType<typeof startEcho>>;
  let proxy: TestProxy;
  let session: ClientHttp2Session | undefined;
  let ask: (path: string, options?: Ask) => Promise<Answer>;

  beforeEach(async () => {
    echo = await startEcho(to);
    proxy = await startProxy({
      upstreamPorts: [echo.port],
      route: forward({ timeoutMs: 0 }),
      cluster: { protocol: to === "HTTP/2" ? "http2" : "http1" },
      config: {
        upgrades: new Set(["websocket"]),
        http1: { ...defaultHttp1Settings, enableTrailers: true },
        http2: { ...defaultHttp2Settings, allowConnect: true },
      },
    });
    if (from === "HTTP/2") {
      const opened = connectHttp2(`http://127.0.0.1:${proxy.port}`, { maxSessionMemory: 100 });
      await once(opened, "connect");
      session = opened;
      ask = (path, options = {}) => askHttp2(opened, path, options);
    } else ask = (path, options = {}) => askHttp1(proxy.port, path, options);
  });
  afterEach(async () => {
    session?.destroy();
    session = undefined;
    await proxy.close();
    echo.close();
  });

  it.each(["GET", "HEAD", "DELETE", "PROPFIND"])("carries %s", async (method) => {
    const answer = await ask("/", { method });
    expect([answer.status, answer.headers["x-method"], answer.body.length]).toEqual([200, method, 0]);
    expect(proxy.logs[0]).toMatchObject({ protocol: from, upstreamProtocol: to, flagText: "-" });
  });

  it("carries responses without a body", async () => {
    expect((await ask("/204")).status).toBe(204);
  });

  it("carries bodies of 5 MB both ways, several at once", async () => {
    const bodies = [1, 2, 3].map((fill) => Buffer.alloc(5_000_000, fill));
    const answers = await Promise.all(bodies.map((body) => ask("/", { method: "POST", body })));
    expect(answers.map(({ body }, i) => body.equals(bodies[i] as Buffer))).toEqual([true, true, true]);
  });

  it("carries trailers both ways", async () => {
    const answer = await ask("/", { method: "POST", body: Buffer.from("abc"), trailers: { "x-t": "mine" } });
    expect([answer.body.toString(), answer.trailers["x-t"]]).toEqual(["abc", "mine"]);
  });

  it("carries WebSockets", async () => {
    if (session === undefined) {
      const upgrade = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
      const received = await exchange(proxy.port, `${upgrade}hello`, (text) => text.endsWith("echo hello"));
      expect(received).toMatch(/^HTTP\/1\.1 101 [\s\S]*upgrade: websocket\r\n[\s\S]*\r\n\r\necho hello$/);
      return;
    }
    const stream = session.request({
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":path": "/ws",
      ":scheme": "http",
      ":authority": "a",
    });
    const [head] = await once(stream, "response");
    expect(head[":status"]).toBe(200);
    stream.write("hello");
    expect(String((await once(stream, "data"))[0])).toBe("echo hello");
    stream.close();
  });
});

describe("clients from the command line", () => {
  const run = promisify(execFile);
  const clients: readonly (readonly [command: string, args: readonly string[], answer: RegExp])[] = [
    [
      "curl",
      ["-s", "--http2-prior-knowledge", "-d", "x".repeat(100_000), "-w", " %{http_version} %{http_code}"],
      /^x{100000} 2 200$/,
    ],
    ["nghttp", ["-v"], /:status.*: 200/],
  ];
  for (const [command, args, answer] of clients) {
    (hasCommand(command) ? it : it.skip)(`${command} speaks HTTP/2 with the proxy`, async () => {
      const echo = await startEcho("HTTP/1.1");
      const proxy = await startProxy({ upstreamPorts: [echo.port] });
      try {
        const { stdout } = await run(command, [...args, `http://127.0.0.1:${proxy.port}/`]);
        expect(stdout).toMatch(answer);
      } finally {
        await proxy.close();
        echo.close();
      }
    });
  }
});
