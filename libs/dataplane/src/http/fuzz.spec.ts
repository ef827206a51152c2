import { once } from "node:events";
import fc from "fast-check";
import {
  forward,
  openClient,
  response,
  retryOn,
  startProxy,
  startUpstream,
  type TestProxy,
  type TestUpstream,
} from "./fixtures.ts";

const requests = fc.constantFrom(
  "GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
  "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n",
  "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc",
  "de",
  "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
  "0\r\n\r\n",
  "0\r\nx-t: a\r\n\r\n",
  "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
  "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n",
  "Expect: 100-continue\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "\r\n",
);
const responses = fc.constantFrom(
  response(200, "ok"),
  response(503, "no"),
  "HTTP/1.1 100 Continue\r\n\r\n",
  "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
  "HTTP/1.1 204 No Content\r\n\r\n",
  "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
  "HTTP/1.1 200 OK\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
  "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
);
const noise = fc.oneof(requests, responses, fc.string({ unit: "binary-ascii", maxLength: 12 }));

/** Mostly what is expected of that side. */
const mostly = (expected: fc.Arbitrary<string>) =>
  fc.array(fc.oneof({ weight: 5, arbitrary: expected }, { weight: 1, arbitrary: noise }), {
    minLength: 1,
    maxLength: 4,
  });

/** What an upstream says to each request of a connection in turn, and whether it then closes. */
const script = fc.array(fc.record({ parts: mostly(responses), close: fc.boolean() }), {
  minLength: 1,
  maxLength: 3,
});

describe("the HTTP data path, whatever either side says", () => {
  let upstream: TestUpstream;
  let proxy: TestProxy;
  let answers: readonly { readonly parts: readonly string[]; readonly close: boolean }[] = [];
  let turn = 0;

  beforeAll(async () => {
    upstream = await startUpstream((socket) => {
      const answer = answers[turn++ % answers.length];
      for (const part of answer?.parts ?? []) socket.write(part, "latin1");
      if (answer?.close !== false) socket.end();
    });
    proxy = await startProxy({
      upstreamPorts: [upstream.port],
      route: forward({ timeoutMs: 30, idleTimeoutMs: 60, retry: retryOn("5xx,reset", { attempts: 1 }) }),
      config: { upgrades: new Set(["websocket", "connect"]) },
    });
  });
  afterAll(async () => {
    await proxy.close();
    await upstream.close();
  });

  it("throws nothing, and gives back all that it holds", async () => {
    await fc.assert(
      fc.asyncProperty(
        mostly(requests),
        script,
        fc.boolean(),
        fc.nat(60),
        async (request, said, reset, turns) => {
          answers = said;
          const client = openClient(proxy.port).resume();
          for (const part of request) client.write(part, "latin1");
          // Some turns of the event loop, in which both sides get to hear of each other.
          for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve));
          if (reset) client.resetAndDestroy();
          else client.end();
          if (!client.closed) await once(client, "close");
        },
      ),
      { numRuns: 300 },
    );
    const gauge = (name: string) => proxy.stats.gauge(name);
    const held = [
      "http.test.downstream_rq_active",
      "http.test.downstream_cx_active",
      "cluster.c.upstream_rq_active",
      "cluster.c.upstream_rq_pending_active",
    ];
    while (held.some((name) => gauge(name).value > 0)) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(held.map((name) => gauge(name).value)).toEqual([0, 0, 0, 0]);
    const begun = proxy.stats.counter("http.test.downstream_rq_total").value;
    expect(begun).toBeGreaterThan(100);
    expect(proxy.stats.counter("cluster.c.upstream_rq_2xx").value).toBeGreaterThan(10);
    expect(proxy.stats.counter("cluster.c.upstream_rq_retry").value).toBeGreaterThan(10);
    expect(proxy.logs).toHaveLength(begun);
  });
});
