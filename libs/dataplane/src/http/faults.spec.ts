import type { HttpFilter, HttpStreamFilter } from "../runtime/http-filter.ts";
import { exchange, forward, response, retryOn, startProxy, startUpstream } from "./fixtures.ts";

const cleanup: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0).reverse()) await close();
});

const boom = (): never => {
  throw new Error("thrown on purpose");
};
const get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const post = "POST / HTTP/1.1\r\nHost: h\r\ncontent-length: 2\r\n\r\nab";

/** A filter of which one method throws. */
const throwing = (methods: HttpStreamFilter): HttpFilter => ({ name: "f", open: () => methods });

describe("what throws inside compiled configuration", () => {
  it.each([
    ["a route table", get, { routes: () => ({ name: "t", match: boom }) }],
    ["the opening of a filter", get, { config: { filters: [{ name: "f", open: boom }] } }],
    ["a filter's request", get, { config: { filters: [throwing({ onRequest: boom })] } }],
    ["a filter's request body", post, { config: { filters: [throwing({ onRequestData: boom })] } }],
    ["a filter's response", get, { config: { filters: [throwing({ onResponse: boom })] } }],
    ["a host rewrite", get, { route: forward({ rewriteHost: boom }) }],
    ["a hash policy", get, { route: forward({ hash: boom }) }],
    [
      "a header formatter of the response",
      get,
      {
        route: forward(
          {},
          {
            responseHeaders: [
              { add: [{ name: "x", value: boom, action: "append", keepEmpty: true }], remove: [] },
            ],
          },
        ),
      },
    ],
    [
      "a retry condition",
      get,
      { route: forward({ retry: retryOn("retriable-headers", { retriableHeaders: boom }) }) },
    ],
  ] as const)("in %s costs that request alone: 500, counted", async (_where, request, options) => {
    const upstream = await startUpstream((socket) => socket.write(response(200, "ok")));
    cleanup.push(() => upstream.close());
    const proxy = await startProxy({ upstreamPorts: [upstream.port], ...options });
    cleanup.push(() => proxy.close());
    for (const _ of [1, 2]) {
      const received = await exchange(proxy.port, request);
      expect(received).toMatch(/^HTTP\/1\.1 500 /);
      expect(received).toMatch(/internal error of the proxy$/);
    }
    expect(proxy.logs.map(({ details }) => details)).toEqual([
      "proxy_internal_error",
      "proxy_internal_error",
    ]);
    expect(proxy.stats.counter("http.test.downstream_rq_internal_error").value).toBeGreaterThanOrEqual(2);
    expect(proxy.stats.gauge("http.test.downstream_rq_active").value).toBe(0);
  });

  it("in an access log or at the end of a filter does not keep the others from theirs", async () => {
    const upstream = await startUpstream((socket) => socket.write(response(200, "ok")));
    cleanup.push(() => upstream.close());
    const proxy = await startProxy({
      upstreamPorts: [upstream.port],
      config: { filters: [throwing({ onEnd: boom })], accessLogs: [boom] },
    });
    cleanup.push(() => proxy.close());
    expect(await exchange(proxy.port, get)).toMatch(/^HTTP\/1\.1 200 /);
    expect(await exchange(proxy.port, get)).toMatch(/^HTTP\/1\.1 200 /);
    expect(proxy.stats.gauge("cluster.c.upstream_rq_active").value).toBe(0);
  });
});
