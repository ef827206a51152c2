import { once } from "node:events";
import { createServer } from "node:net";
import { createFakeClock } from "@weft/base";
import { defaultHeaderSettings, defaultHttp1Settings } from "../../runtime/http-connection-manager.ts";
import {
  exchange,
  forward,
  listen,
  openClient,
  type ProxyOptions,
  response,
  retryOn,
  startProxy,
  startUpstream,
  type TestProxy,
  type TestUpstream,
} from "../fixtures.ts";

const cleanup: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0).reverse()) await close();
});

async function setUp(
  onData: Parameters<typeof startUpstream>[0],
  options: Omit<ProxyOptions, "upstreamPorts"> & { readonly upstreamPorts?: readonly number[] } = {},
): Promise<{ proxy: TestProxy; upstream: TestUpstream }> {
  const upstream = await startUpstream(onData);
  cleanup.push(() => upstream.close());
  const proxy = await startProxy({ upstreamPorts: [upstream.port], ...options });
  cleanup.push(() => proxy.close());
  return { proxy, upstream };
}

/** A port of loopback on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  await once(server, "close");
  return port;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

const get = (path = "/", headers = "") => `GET ${path} HTTP/1.1\r\nHost: h\r\n${headers}\r\n`;
const body = (text: string) => text.slice(text.indexOf("\r\n\r\n") + 4);
const count = (proxy: TestProxy, name: string) => proxy.stats.counter(`cluster.c.${name}`).value;

/** Answers the nth request of all connections with the nth of these; the last one again and again. */
function script(...answers: readonly (string | undefined)[]): Parameters<typeof startUpstream>[0] {
  let requests = 0;
  return (socket, received) => {
    if (!received.endsWith("\r\n\r\n")) return;
    const answer = answers[Math.min(requests++, answers.length - 1)];
    if (answer === undefined) socket.destroy();
    else socket.write(answer);
  };
}

describe("createRouter()", () => {
  it("answers 503 NC where the cluster is not known", async () => {
    const { proxy } = await setUp(script(response(200, "")), {
      route: forward({ pick: () => ({ cluster: "x" }) }),
    });
    expect(await exchange(proxy.port, get())).toMatch(
      /^HTTP\/1\.1 503 Service Unavailable\r\ncontent-length: 0\r\n/,
    );
    expect(proxy.logs.map((log) => [log.flagText, log.details])).toEqual([["NC", "cluster_not_found"]]);
  });

  it("answers 503 UH without hosts", async () => {
    const { proxy } = await setUp(script(response(200, "")), { upstreamPorts: [] });
    expect(body(await exchange(proxy.port, get()))).toBe("no healthy upstream");
    expect(proxy.logs.map((log) => [log.flagText, log.details])).toEqual([["UH", "no_healthy_upstream"]]);
  });

  it("answers 503 UF where no connection comes about", async () => {
    const { proxy } = await setUp(script(response(200, "")), { upstreamPorts: [await closedPort()] });
    expect(body(await exchange(proxy.port, get()))).toBe(
      "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure",
    );
    expect(proxy.logs[0]?.flagText).toBe("UF");
  });

  it("answers 503 UC where the upstream closes instead of answering", async () => {
    const { proxy } = await setUp(script(undefined));
    expect(body(await exchange(proxy.port, get()))).toBe(
      "upstream connect error or disconnect/reset before headers. reset reason: connection termination",
    );
    expect(proxy.logs.map((log) => [log.flagText, log.details])).toEqual([
      ["UC", "upstream_reset_before_response_started{connection_termination}"],
    ]);
  });

  it("answers 502 UPE where the upstream speaks something else", async () => {
    const { proxy } = await setUp(script("SSH-2.0\r\n\r\n"));
    expect(body(await exchange(proxy.port, get()))).toMatch(/reset reason: protocol error$/);
    expect(proxy.logs[0]?.flagText).toBe("UPE");
  });

  it("breaks off where the upstream does in the middle of a body", async () => {
    const { proxy } = await setUp((socket) => {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", () => socket.destroy());
    });
    expect(await exchange(proxy.port, get())).toMatch(/abc$/);
    expect(proxy.logs[0]?.flagText).toBe("UC");
  });

  it("answers 504 UT in the end, counted from the end of the request", async () => {
    const clock = createFakeClock();
    const { proxy, upstream } = await setUp(() => {}, { clock, route: forward({ timeoutMs: 300 }) });
    const answer = exchange(proxy.port, get());
    await until(() => (upstream.received[0] ?? "") !== "");
    clock.advance(310);
    expect(body(await answer)).toBe("upstream request timeout");
    expect(proxy.logs.map((log) => [log.flagText, log.details])).toEqual([["UT", "response_timeout"]]);
    expect(count(proxy, "upstream_rq_timeout")).toBe(1);
  });

  it("takes x-envoy-upstream-rq-timeout-ms from inside, and tells the upstream", async () => {
    const { proxy, upstream } = await setUp(script(response(200, "")), {
      config: {
        headers: {
          ...defaultHeaderSettings,
          internalAddress: () => true,
        },
      },
    });
    await exchange(
      proxy.port,
      get("/", "x-forwarded-for: 10.0.0.1\r\nx-envoy-upstream-rq-timeout-ms: 250\r\n"),
    );
    expect(upstream.received[0]).toContain("x-envoy-expected-rq-timeout-ms: 250\r\n");
    expect(upstream.received[0]).not.toContain("x-envoy-upstream-rq-timeout-ms");
  });

  it("retries what its policy says, and no more often", async () => {
    const { proxy, upstream } = await setUp(
      script(response(503, "no"), response(503, "no"), response(200, "ok")),
      {
        route: forward(
          { retry: retryOn("5xx") },
          { includeAttemptCount: true, includeAttemptCountInResponse: true },
        ),
      },
    );
    const answer = await exchange(proxy.port, get());
    expect(answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*x-envoy-attempt-count: 3\r\n[\s\S]*ok$/);
    expect(upstream.received.join("").match(/x-envoy-attempt-count: \d/g)).toEqual([
      "x-envoy-attempt-count: 1",
      "x-envoy-attempt-count: 2",
      "x-envoy-attempt-count: 3",
    ]);
    expect([count(proxy, "upstream_rq_retry"), count(proxy, "upstream_rq_retry_success")]).toEqual([2, 1]);
  });

  it("gives the last response, flag URX, when no try is left", async () => {
    const { proxy } = await setUp(script(response(503, "no")), { route: forward({ retry: retryOn("5xx") }) });
    expect(body(await exchange(proxy.port, get()))).toBe("no");
    expect(proxy.logs[0]?.flagText).toBe("URX");
    expect(proxy.logs[0]?.attempts).toBe(3);
  });

  it("retries a failed connection on another host", async () => {
    const upstream = await startUpstream(script(response(200, "ok")));
    cleanup.push(() => upstream.close());
    const proxy = await startProxy({
      upstreamPorts: [await closedPort(), upstream.port],
      route: forward({ retry: retryOn("connect-failure", { avoidPreviousHosts: true }) }),
    });
    cleanup.push(() => proxy.close());
    for (let i = 0; i < 4; i++) expect(body(await exchange(proxy.port, get()))).toBe("ok");
    expect(count(proxy, "upstream_rq_retry")).toBeGreaterThan(0);
  });

  it("sends a body again on a retry", async () => {
    let tries = 0;
    const { proxy, upstream } = await setUp(
      (socket, received) => {
        if (received.endsWith("xyz")) {
          if (tries++ === 0) socket.destroy();
          else socket.write(response(200, "ok"));
        }
      },
      { route: forward({ retry: retryOn("reset") }) },
    );
    const answer = await exchange(proxy.port, "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nxyz");
    expect(body(answer)).toBe("ok");
    expect(upstream.received.map((text) => text.slice(-3))).toEqual(["xyz", "xyz"]);
  });

  it("does not retry a request whose body is too large to be kept", async () => {
    const size = 2 * 1024 * 1024;
    const { proxy, upstream } = await setUp(
      (socket, received) => {
        if (received.endsWith("z")) socket.destroy();
      },
      { route: forward({ retry: retryOn("reset") }) },
    );
    const answer = await exchange(
      proxy.port,
      `POST / HTTP/1.1\r\nhost: h\r\ncontent-length: ${size}\r\n\r\n${"a".repeat(size - 1)}z`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(upstream.sockets).toHaveLength(1);
  });

  it("retries a try that takes too long", async () => {
    const clock = createFakeClock();
    let tries = 0;
    const { proxy, upstream } = await setUp(
      (socket) => {
        if (tries++ > 0) socket.write(response(200, "ok"));
      },
      { clock, route: forward({ retry: retryOn("gateway-error", { perTryTimeoutMs: 100 }) }) },
    );
    const answer = exchange(proxy.port, get());
    await until(() => tries === 1);
    clock.advance(105);
    clock.advance(1); // the back-off of no length
    expect(body(await answer)).toBe("ok");
    expect(upstream.received).toHaveLength(2);
  });

  it("retries a safe request that met a connection being closed, where the policy has reset-before-request", async () => {
    const { proxy, upstream } = await setUp(script(response(200, "1"), undefined, response(200, "2")), {
      route: forward({ retry: retryOn("reset-before-request") }),
    });
    expect(body(await exchange(proxy.port, get()))).toBe("1");
    expect(body(await exchange(proxy.port, get()))).toBe("2");
    expect(upstream.sockets).toHaveLength(2);
  });

  it("does not retry a POST that met such a connection", async () => {
    const { proxy } = await setUp(script(response(200, "1"), undefined), {
      route: forward({ retry: retryOn("reset-before-request") }),
    });
    await exchange(proxy.port, get());
    const answer = await exchange(proxy.port, "POST / HTTP/1.1\r\nhost: h\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
  });

  it("holds to the breakers: 503 UO beyond the connections and the requests that may wait", async () => {
    const { proxy, upstream } = await setUp(() => {}, {
      cluster: { limits: { connection: 1, pending: 1, request: 1024, retry: 3 } },
    });
    const open = [1, 2].map(() => openClient(proxy.port).resume());
    open[0]?.write(get());
    await until(() => (upstream.received[0] ?? "") !== "");
    open[1]?.write(get());
    await until(() => proxy.stats.gauge("cluster.c.upstream_rq_pending_active").value === 1);
    const answer = await exchange(proxy.port, get());
    expect(body(answer)).toMatch(/reset reason: overflow$/);
    expect(answer).toContain("x-envoy-overloaded: true\r\n");
    expect(proxy.logs.map((log) => log.flagText)).toEqual(["UO"]);
    for (const socket of open) socket.destroy();
    await until(() => proxy.logs.length === 3);
  });

  it("lets go of an idle connection that the upstream closes", async () => {
    const { proxy, upstream } = await setUp(script(response(200, "ok")));
    await exchange(proxy.port, get());
    const active = proxy.stats.gauge("cluster.c.upstream_cx_active");
    expect(active.value).toBe(1);
    upstream.sockets[0]?.end();
    await until(() => active.value === 0);
    expect(body(await exchange(proxy.port, get()))).toBe("ok");
    expect(proxy.logs.map((log) => log.responseCode)).toEqual([200, 200]);
  });

  it("drains the pools of a cluster that goes", async () => {
    const { proxy, upstream } = await setUp(script(response(200, "ok")));
    await exchange(proxy.port, get());
    proxy.clusters.remove("c");
    await until(() => upstream.sockets[0]?.closed === true);
    expect(await exchange(proxy.port, get())).toMatch(/^HTTP\/1\.1 503 /);
  });

  it("closes connections after so many requests", async () => {
    const { proxy, upstream } = await setUp(script(response(200, "ok")), {
      cluster: { maxRequestsPerConnection: 2 },
    });
    for (let i = 0; i < 4; i++) await exchange(proxy.port, get());
    expect(upstream.sockets).toHaveLength(2);
  });

  it("closes connections that idle", async () => {
    const clock = createFakeClock();
    const { proxy, upstream } = await setUp(script(response(200, "ok")), {
      clock,
      cluster: { idleTimeoutMs: 1000 },
    });
    await exchange(proxy.port, get());
    clock.advance(1010);
    await until(() => upstream.sockets[0]?.closed === true);
    expect(count(proxy, "upstream_cx_idle_timeout")).toBe(1);
  });

  it("does not take bytes after a response for the answer to the next request", async () => {
    const { proxy, upstream } = await setUp(
      script(`${response(200, "1")}HTTP/1.1 200 X\r\n`, response(200, "2")),
    );
    expect(body(await exchange(proxy.port, get()))).toBe("1");
    expect(body(await exchange(proxy.port, get()))).toBe("2");
    expect(upstream.sockets).toHaveLength(2);
  });

  it("changes headers, path and host as the route says", async () => {
    const { proxy, upstream } = await setUp(script(response(200, "", ["x-drop: 1"])), {
      route: forward(
        { rewritePath: (path) => `/new${path}`, rewriteHost: () => "other", appendForwardedHost: true },
        {
          requestHeaders: [
            {
              remove: ["x-a"],
              add: [
                {
                  name: "x-b",
                  value: (info) => `p\r\n${info.originalPath}`,
                  action: "append",
                  keepEmpty: false,
                },
                { name: "x-c", value: "2", action: "overwrite-if-exists", keepEmpty: false },
              ],
            },
          ],
          responseHeaders: [
            {
              remove: ["x-drop"],
              add: [{ name: "x-d", value: "3", action: "add-if-absent", keepEmpty: false }],
            },
          ],
        },
      ),
    });
    const answer = await exchange(proxy.port, get("/p", "x-a: 1\r\n"));
    const head = upstream.received[0] ?? "";
    expect(head).toMatch(/^GET \/new\/p HTTP\/1\.1\r\nhost: other\r\n/);
    expect(head).toContain("x-b: p  /p\r\n");
    expect(head).toContain("x-forwarded-host: h\r\n");
    expect(head).toContain("x-envoy-original-path: /p\r\n");
    expect(head).not.toMatch(/x-a|x-c/);
    expect(answer).toContain("x-d: 3\r\n");
    expect(answer).not.toContain("x-drop");
  });

  it("sends a copy of the whole request elsewhere, and ignores what becomes of it", async () => {
    const { proxy, upstream } = await setUp(
      (socket, received) => {
        if (!received.endsWith("xyz")) return;
        if (received.includes("host: h-shadow:81")) socket.destroy();
        else socket.write(response(200, "ok"));
      },
      { route: forward({ mirrors: [{ cluster: () => "c", marksHost: true, sample: () => true }] }) },
    );
    const answer = await exchange(
      proxy.port,
      "POST /p HTTP/1.1\r\nhost: h:81\r\ncontent-length: 3\r\n\r\nxyz",
    );
    expect(body(answer)).toBe("ok");
    await until(() =>
      upstream.received.some((text) => text.includes("host: h-shadow:81") && text.endsWith("xyz")),
    );
  });

  it("redirects, and answers directly", async () => {
    const { proxy } = await setUp(script(response(200, "")), {
      route: forward(
        {},
        { action: { kind: "redirect", status: 301, location: ({ path }) => `https://h${path}` } },
      ),
    });
    expect(await exchange(proxy.port, get("/x"))).toMatch(
      /^HTTP\/1\.1 301 [\s\S]*location: https:\/\/h\/x\r\n/,
    );
    const direct = await setUp(script(response(200, "")), {
      route: forward({}, { action: { kind: "direct-response", status: 418, body: Buffer.from("tea") } }),
    });
    expect(body(await exchange(direct.proxy.port, get()))).toBe("tea");
    expect(direct.proxy.logs[0]?.details).toBe("direct_response");
  });

  it("passes trailers, HEAD, 204 and bodies without length", async () => {
    const trailers = await setUp(
      script("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nx-t: 1\r\n\r\n"),
      {
        config: {
          http1: {
            ...defaultHttp1Settings,
            enableTrailers: true,
          },
        },
      },
    );
    const answer = await exchange(
      trailers.proxy.port,
      get(),
      (text) => text.endsWith("\r\n\r\n") && text.includes("x-t"),
    );
    expect(body(answer)).toBe("2\r\nab\r\n0\r\nx-t: 1\r\n\r\n");

    const head = await setUp(
      script("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", "HTTP/1.1 204 No\r\n\r\n"),
    );
    const heads = await exchange(head.proxy.port, `HEAD / HTTP/1.1\r\nhost: h\r\n\r\n${get()}`, (text) =>
      / 204 [\s\S]*\r\n\r\n$/.test(text),
    );
    expect(heads).toMatch(/^HTTP\/1\.1 200 OK\r\ncontent-length: 5\r\n/);
    expect(heads.slice(heads.indexOf(" 204 "))).not.toMatch(/content-length|transfer-encoding/);

    const close = await setUp((socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nuntil close"));
    const closed = await exchange(close.proxy.port, get(), (text) => text.endsWith("0\r\n\r\n"));
    expect(body(closed)).toBe("b\r\nuntil close\r\n0\r\n\r\n");
  });
});
