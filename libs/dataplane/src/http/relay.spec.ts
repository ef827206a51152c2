import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { startProxy, type TestProxy } from "./fixtures.ts";

const digest = async (message: IncomingMessage) => {
  const hash = createHash("sha256");
  for await (const chunk of message) hash.update(chunk as Buffer); // no encoding is set
  return hash.digest("hex");
};

describe("the HTTP data path between Node's own client and server", () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  let server: Server;
  let proxy: TestProxy;

  beforeAll(async () => {
    // Answers with the hash of what came, and as many bytes as it is asked for.
    server = createServer(async (incoming, outgoing) => {
      const [size = 0, chunked = 0] = (incoming.url ?? "").slice(1).split("/").map(Number);
      const received = await digest(incoming);
      const body = randomBytes(size);
      outgoing.setHeader("x-received", received);
      outgoing.setHeader("x-sent", createHash("sha256").update(body).digest("hex"));
      if (chunked === 0) outgoing.setHeader("content-length", size);
      for (let at = 0; at < size && chunked > 0; at += 10_000) outgoing.write(body.subarray(at, at + 10_000));
      outgoing.end(chunked > 0 ? undefined : body);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    proxy = await startProxy({ upstreamPorts: [(server.address() as AddressInfo).port] }); // it listens on TCP
  });
  afterAll(async () => {
    agent.destroy();
    await proxy.close();
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });

  it("carries bodies of any size and framing, both ways, over connections that stay", async () => {
    const size = fc.oneof(fc.nat(100), fc.nat(20_000), fc.nat(400_000));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(size, size, fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 5 }),
        async (exchanges) => {
          await Promise.all(
            exchanges.map(async ([up, down, chunkedUp, chunkedDown]) => {
              const body = randomBytes(up);
              const outgoing = request({
                host: "127.0.0.1",
                port: proxy.port,
                agent,
                method: "POST",
                path: `/${down}/${chunkedDown ? 1 : 0}`,
                headers: chunkedUp ? { "transfer-encoding": "chunked" } : { "content-length": up },
              });
              for (let at = 0; at < up; at += 30_000) outgoing.write(body.subarray(at, at + 30_000));
              outgoing.end();
              const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
              expect(incoming.statusCode).toBe(200);
              expect(incoming.headers["x-received"]).toBe(createHash("sha256").update(body).digest("hex"));
              expect(await digest(incoming)).toBe(incoming.headers["x-sent"]);
            }),
          );
        },
      ),
      { numRuns: 60 },
    );
    expect(proxy.logs.every((log) => log.responseCode === 200 && log.flags.size === 0)).toBe(true);
    expect(proxy.stats.counter("http.test.downstream_cx_total").value).toBeLessThanOrEqual(4);
    expect(proxy.stats.counter("cluster.c.upstream_cx_total").value).toBeLessThanOrEqual(4);
  });
});
