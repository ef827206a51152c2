import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import * as grpc from "@grpc/grpc-js";
import { freePort, testCertificate } from "@weft/testkit";
import { createProber, type Prober } from "./ask.ts";
import type { AppProbe, HttpProbe } from "./parse.ts";
import { type ProbeTarget, passthroughAddress } from "./target.ts";

const direct: ProbeTarget = { host: "127.0.0.1", localAddress: undefined, keepAlive: false };
const closers: (() => Promise<unknown> | unknown)[] = [];
afterEach(() => Promise.all(closers.splice(0).map((close) => close())));

const prober = (target: Partial<ProbeTarget> = {}): Prober => {
  const made = createProber({ ...direct, ...target });
  closers.push(made.close);
  return made;
};
const http = (port: number, more: Partial<HttpProbe> = {}): HttpProbe => ({
  kind: "http",
  path: "/ok",
  port,
  tls: false,
  host: undefined,
  headers: {},
  timeoutMs: 2_000,
  ...more,
});

const listen = async (server: Server): Promise<number> => {
  const sockets = new Set<{ destroy(): void }>();
  server.on("connection", (socket) => sockets.add(socket));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
};
const serve = (listener: RequestListener) => listen(createServer(listener));

describe("an HTTP probe", () => {
  it.each([200, 204, 404, 503])("hands on status %d", async (status) => {
    const port = await serve((_request, response) => response.writeHead(status).end());
    expect(await prober().ask(http(port), {})).toEqual({ status });
  });

  it("has the kubelet's headers, unless the probe has its own", async () => {
    let seen: IncomingMessage | undefined;
    const port = await serve((request, response) => {
      seen = request;
      response.end();
    });
    const kubelet = {
      host: "10.0.0.1:15020",
      "user-agent": "kube-probe/1.35",
      accept: "*/*",
      "x-a": "kubelet",
    };
    const headers = { "x-a": ["1", "2"] };
    await prober().ask(http(port, { path: "/ok?a=b", host: "web.example.com", headers }), kubelet);
    expect(seen?.url).toBe("/ok?a=b");
    expect(seen?.headers).toMatchObject({
      host: "web.example.com",
      "user-agent": "kube-probe/1.35",
      accept: "*/*",
      "x-a": "1, 2",
    });
    await prober().ask(http(port), kubelet);
    expect(seen?.headers).toMatchObject({ host: `127.0.0.1:${port}`, "x-a": "kubelet" });
  });

  it("does not verify a certificate", async () => {
    const port = await listen(
      createTlsServer({ cert: testCertificate.certificate, key: testCertificate.key }, (_request, response) =>
        response.end(),
      ),
    );
    expect(await prober().ask(http(port, { tls: true }), {})).toEqual({ status: 200 });
  });

  it("follows a redirect to the same host, ten times, and is content with one that leads elsewhere", async () => {
    const port = await serve((request, response) => {
      const to: Record<string, string> = {
        "/ok": "/other",
        "/away": "https://example.com/",
        "/round": "/round",
      };
      const location = to[request.url ?? ""];
      response
        .writeHead(location === undefined ? 418 : 302, location === undefined ? {} : { location })
        .end();
    });
    const ask = (path: string) => prober().ask(http(port, { path }), {});
    expect(await ask("/ok")).toEqual({ status: 418 });
    expect(await ask("/away")).toEqual({ status: 200 });
    expect(await ask("/round")).toEqual({ status: 500, reason: "stopped after 10 redirects" });
  });

  it("fails where the application is slow, or not there", async () => {
    const port = await serve(() => {});
    expect(await prober().ask(http(port, { timeoutMs: 30 }), {})).toEqual({
      status: 500,
      reason: "no answer in 30 ms",
    });
    const dead = await freePort();
    expect(await prober().ask(http(dead), {})).toEqual({
      status: 500,
      reason: `connect ECONNREFUSED 127.0.0.1:${dead}`,
    });
  });

  it.each([
    [false, 2],
    [true, 1],
  ])("with keepAlive %s takes %d connections for two probes", async (keepAlive, expected) => {
    let connections = 0;
    const server = createServer((_request, response) => response.end());
    server.on("connection", () => connections++);
    const port = await listen(server);
    const kept = prober({ keepAlive });
    await kept.ask(http(port), {});
    await new Promise((resolve) => setImmediate(resolve)); // the body's end gives the connection back
    await kept.ask(http(port), {});
    expect(connections).toBe(expected);
  });
});

// Only Linux has all of 127.0.0.0/8.
const onLinux = process.platform === "linux" ? it : it.skip;

onLinux("probes of all kinds come from the address that is not redirected", async () => {
  const from: (string | undefined)[] = [];
  const note = (server: Server) => server.on("connection", ({ remoteAddress }) => from.push(remoteAddress));
  const httpPort = await listen(note(createServer((_request, response) => response.end())));
  const tcpPort = await listen(note(createTcpServer((socket) => socket.resume())));
  const target = { localAddress: passthroughAddress };
  const probes: AppProbe[] = [
    http(httpPort),
    { kind: "tcp", port: tcpPort, timeoutMs: 1_000 },
    { kind: "grpc", port: tcpPort, service: "", timeoutMs: 50 },
  ];
  for (const probe of probes) await prober(target).ask(probe, {});
  expect(from).toEqual(["127.0.0.6", "127.0.0.6", "127.0.0.6"]);
});

describe("a TCP probe", () => {
  it("is content with a connection", async () => {
    const port = await listen(createTcpServer());
    expect(await prober().ask({ kind: "tcp", port, timeoutMs: 1_000 }, {})).toEqual({ status: 200 });
  });

  it("fails without one", async () => {
    const port = await freePort();
    const { status, reason } = await prober().ask({ kind: "tcp", port, timeoutMs: 1_000 }, {});
    expect([status, reason]).toEqual([500, `connect ECONNREFUSED 127.0.0.1:${port}`]);
  });
});

describe("a gRPC probe", () => {
  /** A server of grpc-js, with health of two services. */
  const serveGrpc = async (services: Readonly<Record<string, number>>, withHealth = true) => {
    const server = new grpc.Server();
    const pass = (bytes: Buffer) => bytes;
    const Check: grpc.MethodDefinition<Buffer, Buffer> = {
      path: "/grpc.health.v1.Health/Check",
      requestStream: false,
      responseStream: false,
      requestSerialize: pass,
      requestDeserialize: pass,
      responseSerialize: pass,
      responseDeserialize: pass,
    };
    const handler: grpc.handleUnaryCall<Buffer, Buffer> = ({ request, metadata }, callback) => {
      expect(metadata.get("user-agent")).toEqual(["kube-probe/1.35"]);
      const name = request.subarray(2).toString();
      const status = services[name];
      if (status === undefined) callback({ code: grpc.status.NOT_FOUND, details: "no such service: ü" });
      else callback(null, status === 0 ? Buffer.alloc(0) : Buffer.from([8, status]));
    };
    if (withHealth) server.addService({ Check }, { Check: handler });
    closers.push(() => server.forceShutdown());
    return new Promise<number>((resolve, reject) =>
      server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      ),
    );
  };
  const ask = (port: number, service: string, timeoutMs = 2_000) =>
    prober().ask({ kind: "grpc", port, service, timeoutMs }, { "user-agent": "kube-probe/1.35" });

  it.each([
    ["", { status: 200 }],
    ["off", { status: 500, reason: "the service is NOT_SERVING" }],
    ["unknown", { status: 500, reason: "the service is UNKNOWN" }],
    ["none", { status: 500, reason: "gRPC status 5 no such service: ü" }],
  ])("of service %j is %j", async (service, result) => {
    const port = await serveGrpc({ "": 1, off: 2, unknown: 0 });
    expect(await ask(port, service)).toEqual(result);
  });

  it("says that a server has no health service", async () => {
    const { status, reason } = await ask(await serveGrpc({}, false), "");
    expect(status).toBe(500);
    expect(reason).toMatch(/^the server has no grpc.health.v1.Health: gRPC status 12 /);
  });

  it("fails where nobody answers, or something else", async () => {
    const silent = await listen(createTcpServer((socket) => socket.resume()));
    expect(await ask(silent, "", 50)).toEqual({ status: 500, reason: "no answer in 50 ms" });
    const dead = await freePort();
    expect(await ask(dead, "")).toEqual({ status: 500, reason: `connect ECONNREFUSED 127.0.0.1:${dead}` });
    const plain = await serve((_request, response) => response.end("hello"));
    expect((await ask(plain, "")).status).toBe(500);
  });
});
