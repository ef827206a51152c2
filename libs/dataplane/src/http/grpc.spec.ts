import { createServer } from "node:http2";
import type { Server as NetServer } from "node:net";
import {
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";
import { grpcStatusText } from "../access-log/grpc-status.ts";
import type { ProxyOptions, TestProxy } from "./fixtures.ts";
import { forward, listen, retryOn, startProxy } from "./fixtures.ts";

const same = (bytes: Buffer) => bytes;
const method = (path: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/test.Echo/${path}`,
  requestStream,
  responseStream,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
});
const service = {
  unary: method("unary", false, false),
  collect: method("collect", true, false),
  count: method("count", false, true),
  echo: method("echo", true, true),
};

/** A service that does what its requests say. Counts its calls. */
function startService(): Promise<{
  port: number;
  calls: () => number;
  cancelled: () => number;
  stop: () => void;
}> {
  let calls = 0;
  let cancelled = 0;
  const server = new Server({ "grpc.max_receive_message_length": -1 });
  server.addService(service, {
    unary: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
      calls++;
      const text = call.request.toString();
      call.on("cancelled", () => cancelled++);
      if (text === "hang") return;
      if (text === "flaky" && calls === 1) done({ code: status.UNAVAILABLE, details: "not yet" });
      else if (text.startsWith("fail")) {
        const trailers = new Metadata();
        trailers.set("x-trailer", "t");
        done({ code: Number(text.slice(4)), details: "as you wish: ä%", metadata: trailers });
      } else {
        const initial = new Metadata();
        initial.set("x-initial", call.metadata.get("x-mine").join());
        call.sendMetadata(initial);
        done(null, call.request);
      }
    },
    collect: (call: ServerReadableStream<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
      let bytes = 0;
      call.on("data", (message: Buffer) => {
        bytes += message.length;
      });
      call.on("end", () => done(null, Buffer.from(String(bytes))));
    },
    count: (call: ServerWritableStream<Buffer, Buffer>) => {
      const most = Number(call.request.toString());
      for (let i = 0; i < most; i++) call.write(Buffer.from(String(i)));
      call.end();
    },
    echo: (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on("data", (message: Buffer) => call.write(message));
      call.on("end", () => call.end());
      call.on("cancelled", () => cancelled++);
    },
  });
  return new Promise((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error === null
        ? resolve({
            port,
            calls: () => calls,
            cancelled: () => cancelled,
            stop: () => server.forceShutdown(),
          })
        : reject(error),
    ),
  );
}

describe("gRPC through the proxy", () => {
  let backend: Awaited<ReturnType<typeof startService>>;
  let proxy: TestProxy;
  let client: Client;

  async function setUp(options: Partial<ProxyOptions> = {}) {
    proxy = await startProxy({
      upstreamPorts: [backend.port],
      ...options,
      cluster: { protocol: "http2", ...options.cluster },
    });
    client = new Client(`127.0.0.1:${proxy.port}`, credentials.createInsecure(), {
      "grpc.max_receive_message_length": -1,
    });
  }
  beforeEach(async () => {
    backend = await startService();
  });
  afterEach(async () => {
    client.close();
    await proxy.close();
    backend.stop();
  });

  interface Answer {
    readonly body?: Buffer | undefined;
    readonly error?: ServiceError | null;
    readonly initial?: Metadata;
  }
  const unary = (message: Buffer, deadlineMs?: number) =>
    new Promise<Answer>((resolve) => {
      const metadata = new Metadata();
      metadata.set("x-mine", "m");
      let initial: Metadata | undefined;
      client
        .makeUnaryRequest(
          service.unary.path,
          same,
          same,
          message,
          metadata,
          deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs },
          (error, body) => resolve({ error, body, ...(initial !== undefined && { initial }) }),
        )
        .on("metadata", (received) => {
          initial = received;
        });
    });
  const flags = () => proxy.logs.map((log) => [log.responseCode, log.flagText, grpcStatusText("")(log)]);

  it("carries unary calls, metadata both ways", async () => {
    await setUp();
    const { error, body, initial } = await unary(Buffer.from("hello"));
    expect(error).toBeNull();
    expect(body?.toString()).toBe("hello");
    expect(initial?.get("x-initial")).toEqual(["m"]);
    expect(flags()).toEqual([[200, "-", "OK"]]);
    expect(proxy.logs[0]).toMatchObject({ protocol: "HTTP/2", upstreamProtocol: "HTTP/2" });
  });

  it("carries a message of 20 MB both ways", async () => {
    await setUp();
    const large = Buffer.alloc(20_000_000, "abcdefg");
    expect((await unary(large)).body?.equals(large)).toBe(true);
  });

  it.each([[5], [13], [16]])("carries status %i in trailers, details and all", async (code) => {
    await setUp();
    const { error } = await unary(Buffer.from(`fail${code}`));
    expect([error?.code, error?.details, error?.metadata.get("x-trailer")]).toEqual([
      code,
      "as you wish: ä%",
      ["t"],
    ]);
  });

  it("carries streams of requests, of responses and of both", async () => {
    await setUp();
    const collected = await new Promise((resolve, reject) => {
      const call = client.makeClientStreamRequest(service.collect.path, same, same, (error, body) =>
        error === null ? resolve(body?.toString()) : reject(error),
      );
      for (let i = 0; i < 100; i++) call.write(Buffer.alloc(10_000));
      call.end();
    });
    expect(collected).toBe("1000000");
    const counted: string[] = [];
    for await (const message of client.makeServerStreamRequest(
      service.count.path,
      same,
      same,
      Buffer.from("500"),
    ))
      counted.push(String(message));
    expect(counted).toEqual(Array.from({ length: 500 }, (_, i) => String(i)));
    const call: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(
      service.echo.path,
      same,
      same,
    );
    // Each message is answered before the next is sent: nothing waits for more.
    for (let i = 0; i < 20; i++) {
      const answer = new Promise((resolve) => call.once("data", (message) => resolve(String(message))));
      call.write(Buffer.from(`m${i}`));
      expect(await answer).toBe(`m${i}`);
    }
    const ended = new Promise((resolve) => call.once("status", ({ code }) => resolve(code)));
    call.end();
    expect(await ended).toBe(status.OK);
  });

  it("tells the server when a call is cancelled, or its deadline has passed", async () => {
    await setUp();
    const call = client.makeUnaryRequest(service.unary.path, same, same, Buffer.from("hang"), () => {});
    await until(() => backend.calls() === 1);
    call.cancel();
    await until(() => backend.cancelled() === 1);
    const { error } = await unary(Buffer.from("hang"), 50);
    expect(error?.code).toBe(status.DEADLINE_EXCEEDED);
    await until(() => backend.cancelled() === 2 && proxy.logs.length === 2);
    expect(flags().map(([, flag]) => flag)).toEqual(["DR", "DR"]);
  });

  it("answers in gRPC's terms where it answers itself", async () => {
    await setUp({ upstreamPorts: [] });
    const { error } = await unary(Buffer.from("x"));
    expect([error?.code, error?.details]).toEqual([status.UNAVAILABLE, "no healthy upstream"]);
    expect(flags()).toEqual([[200, "UH", "Unavailable"]]);
  });

  it("takes the time that grpc-timeout asks for, up to the route's maximum", async () => {
    await setUp({ route: forward({ timeoutMs: 0, maxGrpcTimeoutMs: 100 }) });
    const started = performance.now();
    const { error } = await unary(Buffer.from("hang"), 60_000);
    expect(performance.now() - started).toBeLessThan(5000);
    expect([error?.code, error?.details]).toEqual([status.UNAVAILABLE, "upstream request timeout"]);
    expect(flags()).toEqual([[200, "UT", "Unavailable"]]);
    await until(() => backend.cancelled() === 1);
  });

  it("tries again on a status that the policy names", async () => {
    await setUp({ route: forward({ retry: retryOn("unavailable") }) });
    expect((await unary(Buffer.from("flaky"))).body?.toString()).toBe("flaky");
    expect(backend.calls()).toBe(2);
    expect(proxy.logs[0]?.attempts).toBe(2);
  });

  it("uses one connection for many calls at once", async () => {
    await setUp();
    const answers = await Promise.all(Array.from({ length: 300 }, (_, i) => unary(Buffer.from(String(i)))));
    expect(answers.map(({ body }) => body?.toString())).toEqual(
      Array.from({ length: 300 }, (_, i) => String(i)),
    );
    expect(counter("cluster.c.upstream_cx_http2_total")).toBeLessThanOrEqual(4);
  });

  const counter = (name: string) => proxy.stats.counters.get(name)?.value;

  it("loses no call when servers go away", async () => {
    backend.stop();
    // A server that takes five streams on each connection, and then goes away in good order.
    const goingAway = createServer();
    goingAway.on("session", (session) => {
      let streams = 0;
      session.on("stream", (stream) => {
        if (++streams === 5) session.close();
        stream.on("error", () => {});
        stream.respond({ ":status": 200 });
        stream.end("done");
      });
    });
    const port = await listen(goingAway as unknown as NetServer); // an HTTP/2 server is a net server
    await setUp({
      upstreamPorts: [port],
      route: forward({ retry: retryOn("refused-stream", { attempts: 5 }) }),
    });
    const results = await Promise.all(
      Array.from({ length: 100 }, () => fetch(`http://127.0.0.1:${proxy.port}/`).then((got) => got.text())),
    );
    expect(new Set(results)).toEqual(new Set(["done"]));
    goingAway.close();
  });
});

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setImmediate(resolve));
}
