import { create } from "@bufbuild/protobuf";
import { createFakeClock } from "@weft/base";
import { CorsPolicySchema } from "@weft/envoy-api/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { HTTPFaultSchema } from "@weft/envoy-api/envoy/extensions/filters/http/fault/v3/fault_pb.js";
import { Problems } from "../../compile/problems.ts";
import type { HttpFilter } from "../../runtime/http-filter.ts";
import type { Route } from "../../runtime/route.ts";
import { createStatsStore } from "../../stats/index.ts";
import {
  exchange,
  forward,
  response,
  startProxy,
  startUpstream,
  type TestProxy,
  type TestUpstream,
} from "../fixtures.ts";
import { cors } from "./cors/compile.ts";
import { createCorsFilter } from "./cors/filter.ts";
import { fault } from "./fault/compile.ts";
import { createFaultFilter } from "./fault/filter.ts";
import { createGrpcStatsFilter } from "./grpc-stats/filter.ts";

const cleanup: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0).reverse()) await close();
});

async function setUp(
  filter: HttpFilter,
  options: {
    readonly route?: Route;
    readonly clock?: ReturnType<typeof createFakeClock>;
    readonly answer?: string;
  } = {},
): Promise<{ proxy: TestProxy; upstream: TestUpstream }> {
  const { answer = response(200, "ok"), clock, route } = options;
  const upstream = await startUpstream((socket, received) => {
    if (received.includes("\r\n\r\n")) socket.write(answer, "latin1");
  });
  cleanup.push(() => upstream.close());
  const proxy = await startProxy({
    upstreamPorts: [upstream.port],
    config: { filters: [filter], random: () => 0.5 },
    ...(route !== undefined && { route }),
    ...(clock !== undefined && { clock }),
  });
  cleanup.push(() => proxy.close());
  return { proxy, upstream };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

const get = (headers = "", method = "GET") => `${method} / HTTP/1.1\r\nHost: h\r\n${headers}\r\n`;
const body = (text: string) => text.slice(text.indexOf("\r\n\r\n") + 4);
const none = { upstreamCluster: "", maxActive: 10 };
const always = { numerator: 100, denominator: 100 };

describe("createFaultFilter()", () => {
  const scope = () => createStatsStore().scope("http.test");

  it("aborts its share of requests", async () => {
    const abort = (numerator: number) => ({ status: { http: 418 }, share: { numerator, denominator: 100 } });
    const { proxy, upstream } = await setUp(createFaultFilter("f", { ...none, abort: abort(51) }, scope()));
    const answer = await exchange(proxy.port, get());
    expect(answer).toMatch(/^HTTP\/1\.1 418 /);
    expect(body(answer)).toBe("fault filter abort");
    expect(proxy.logs.map((log) => [log.flagText, log.details])).toEqual([["FI", "fault_filter_abort"]]);
    expect(upstream.sockets).toHaveLength(0);

    const fewer = await setUp(createFaultFilter("f", { ...none, abort: abort(50) }, scope()));
    expect(body(await exchange(fewer.proxy.port, get()))).toBe("ok");
  });

  it("delays, and holds what comes meanwhile", async () => {
    const clock = createFakeClock();
    const { proxy, upstream } = await setUp(
      createFaultFilter("f", { ...none, delay: { ms: 2000, share: always } }, scope()),
      {
        clock,
      },
    );
    const answer = exchange(proxy.port, `POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nabc`);
    await until(() => proxy.stats.gauge("http.test.downstream_rq_active").value === 1);
    clock.advance(1999);
    expect(upstream.sockets).toHaveLength(0);
    clock.advance(1);
    expect(body(await answer)).toBe("ok");
    await until(() => upstream.received[0]?.endsWith("abc") === true);
    expect(proxy.logs[0]?.flagText).toBe("DI");
  });

  it("takes a route's configuration in place of its own, compiled from Envoy's", async () => {
    const problems = new Problems();
    const config = fault.compileRoute?.(
      create(HTTPFaultSchema, {
        abort: { errorType: { case: "httpStatus", value: 503 }, percentage: { numerator: 100 } },
        headers: [
          {
            name: "end-user",
            headerMatchSpecifier: {
              case: "stringMatch",
              value: { matchPattern: { case: "exact", value: "jason" } },
            },
          },
        ],
      }),
      "p",
      problems,
    );
    expect(problems.list).toEqual([]);
    const route = forward({}, { filterConfig: new Map([["f", config]]) });
    const { proxy } = await setUp(createFaultFilter("f", none, scope()), { route });
    expect(body(await exchange(proxy.port, get("end-user: jason\r\n")))).toBe("fault filter abort");
    expect(body(await exchange(proxy.port, get()))).toBe("ok");
  });

  it("does what the request's headers say, where it is told to", async () => {
    const config = { ...none, abort: { status: "header" as const, share: always } };
    const { proxy } = await setUp(createFaultFilter("f", config, scope()));
    expect(await exchange(proxy.port, get("x-envoy-fault-abort-request: 429\r\n"))).toMatch(
      /^HTTP\/1\.1 429 /,
    );
    expect(body(await exchange(proxy.port, get()))).toBe("ok");
  });

  it("reports what it cannot do", () => {
    const problems = new Problems();
    fault.compileRoute?.(
      create(HTTPFaultSchema, { responseRateLimit: {}, downstreamNodes: ["a"] }),
      "p",
      problems,
    );
    expect(problems.list.map(({ path }) => path)).toEqual(["p.response_rate_limit", "p.downstream_nodes"]);
  });
});

describe("createCorsFilter()", () => {
  const policy = cors.compileRoute?.(
    create(CorsPolicySchema, {
      allowOriginStringMatch: [{ matchPattern: { case: "suffix", value: ".example" } }],
      allowMethods: "GET,POST",
      allowHeaders: "x-a",
      exposeHeaders: "x-b",
      maxAge: "600",
      allowCredentials: true,
      forwardNotMatchingPreflights: false,
    }),
    "p",
    new Problems(),
  );
  const route = forward({}, { filterConfig: new Map([["cors", policy]]) });
  const start = () => setUp(createCorsFilter("cors", createStatsStore()), { route });
  const preflight = (origin: string) =>
    get(`origin: ${origin}\r\naccess-control-request-method: POST\r\n`, "OPTIONS");

  it("answers preflights of origins that are allowed", async () => {
    const { proxy, upstream } = await start();
    const answer = await exchange(proxy.port, preflight("http://a.example"));
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    for (const line of [
      "access-control-allow-origin: http://a.example",
      "access-control-allow-credentials: true",
      "access-control-allow-methods: GET,POST",
      "access-control-allow-headers: x-a",
      "access-control-max-age: 600",
    ])
      expect(answer).toContain(`${line}\r\n`);
    expect(upstream.sockets).toHaveLength(0);
  });

  it("gives other origins no leave", async () => {
    const { proxy } = await start();
    expect(await exchange(proxy.port, preflight("http://b.test"))).not.toContain("access-control");
    expect(await exchange(proxy.port, get("origin: http://b.test\r\n"))).not.toContain("access-control");
  });

  it("marks answers to origins that are allowed", async () => {
    const { proxy } = await start();
    const answer = await exchange(proxy.port, get("origin: http://a.example\r\n"));
    expect(answer).toContain("access-control-expose-headers: x-b\r\n");
    expect(body(answer)).toBe("ok");
  });
});

describe("createGrpcStatsFilter()", () => {
  it("counts calls and messages, however they are split", async () => {
    const stats = createStatsStore();
    const filter = createGrpcStatsFilter(
      "g",
      { perMethod: () => true, upstreamTime: false, emit: true },
      stats,
    );
    const { proxy } = await setUp(filter, {
      answer: response(200, "\0\0\0\0\x01x\0\0\0\0\0", ["grpc-status: 0", "content-type: application/grpc"]),
    });
    const head =
      "POST /p.S/M HTTP/1.1\r\nhost: h\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\n\r\n";
    await exchange(proxy.port, `${head}3\r\n\0\0\0\r\n4\r\n\0\x02ab\r\n0\r\n\r\n`);
    const counts = Object.fromEntries([...stats.counters.values()].map(({ name, value }) => [name, value]));
    expect(counts).toEqual({
      "cluster.c.grpc.p.S.M.request_message_count": 1,
      "cluster.c.grpc.p.S.M.response_message_count": 2,
      "cluster.c.grpc.p.S.M.success": 1,
      "cluster.c.grpc.p.S.M.total": 1,
      "cluster.c.grpc.p.S.M.0": 1,
    });
    expect(proxy.logs[0]?.metadata.get("g")).toEqual({ request_message_count: 1, response_message_count: 2 });
  });
});
