import { createServer } from "node:net";
import type { JsonValue } from "@bufbuild/protobuf";
import { type HttpAnswer, startGrpcAuthorizer, startHttpAuthorizer } from "../../ext-authz/fixtures.ts";
import { request, sendRaw } from "../../oracle/testing/pair.ts";
import type { ProxyServer } from "../../proxy.ts";
import {
  createCleanup,
  httpChain,
  listener,
  loadAssignment,
  portOf,
  routeConfiguration,
  startEcho,
  startProxy,
  until,
} from "../../testing.ts";
import { listen } from "../fixtures.ts";

const type = (name: string) => `type.googleapis.com/envoy.extensions.${name}`;
const cleanup = createCleanup();
afterEach(() => cleanup.run());

/** A proxy whose listener `l` has one filter, with what Istio sets for paths of its strictest kind. */
async function setUp(
  name: string,
  message: string,
  config: object,
  options: { settings?: Record<string, JsonValue>; clusters?: JsonValue[]; problems?: boolean } = {},
): Promise<{ proxy: ProxyServer; port: number }> {
  const upstream = await startEcho(cleanup);
  const chain = httpChain(
    { route_config: routeConfiguration("r", { route: { cluster: "up" } }) },
    {
      normalize_path: true,
      merge_slashes: true,
      path_with_escaped_slashes_action: "UNESCAPE_AND_FORWARD",
      ...options.settings,
      http_filters: [
        { name: "filter", typed_config: { "@type": type(`filters.http.${name}.v3.${message}`), ...config } },
        { name: "router", typed_config: { "@type": type("filters.http.router.v3.Router") } },
      ],
    },
  );
  const proxy = await startProxy(
    {
      static_resources: {
        clusters: [
          { name: "up", type: "STATIC", load_assignment: loadAssignment("up", upstream) },
          ...(options.clusters ?? []),
        ],
        listeners: [listener("l", chain)],
      },
    },
    cleanup,
  );
  await until(() => proxy.state === "LIVE", "LIVE");
  return { proxy, port: portOf(proxy, "l") };
}

const rule = (action: string, permission: JsonValue) => ({
  rules: { action, policies: { p: { permissions: [permission], principals: [{ any: true }] } } },
});
const path = (match: JsonValue) => ({ url_path: { path: match } });

describe("paths that mean /admin to someone", () => {
  it.each([
    "/admin",
    "/admin/x",
    "//admin",
    "///admin//x",
    "/./admin",
    "/x/../admin",
    "/x/%2e%2e/admin",
    "/x/.%2E/admin",
    "/%61dmin",
    "/x%2f..%2fadmin",
    "/x%2F%2e%2e%2Fadmin",
    "/x\\..\\admin",
    "/x%5c..%5cadmin",
    "/../../admin",
    "/admin/.",
    "/admin?x=/../public",
    "/admin;x",
    "http://a.example/admin",
    "http://a.example//admin",
  ])("does not let %s pass a rule that denies /admin", async (target) => {
    const { port } = await setUp("rbac", "RBAC", rule("DENY", path({ prefix: "/admin" })));
    expect((await sendRaw(port, request("GET", target))).status).toBe(403);
  });

  it.each(["/x#/admin", "*", "admin", "http://a.example?/admin", "/admin%00", "\\admin"])(
    "has no answer of the upstream for %s",
    async (target) => {
      const { port } = await setUp("rbac", "RBAC", rule("DENY", path({ prefix: "/admin" })));
      expect([400, 404]).toContain((await sendRaw(port, request("GET", target))).status);
    },
  );

  it("compares without regard to case only where it is told to", async () => {
    const strict = await setUp("rbac", "RBAC", rule("DENY", path({ prefix: "/admin" })));
    expect((await sendRaw(strict.port, request("GET", "/ADMIN"))).body).toBe("GET /ADMIN");
    const lenient = await setUp("rbac", "RBAC", rule("DENY", path({ prefix: "/admin", ignore_case: true })));
    expect((await sendRaw(lenient.port, request("GET", "/ADMIN"))).status).toBe(403);
  });

  it("forwards the path that was judged, and no other", async () => {
    const { port } = await setUp("rbac", "RBAC", rule("ALLOW", path({ prefix: "/public/" })));
    expect((await sendRaw(port, request("GET", "/public/../admin"))).status).toBe(403);
    expect((await sendRaw(port, request("GET", "/admin/%2e%2e//public/x"))).body).toBe("GET /public/x");
  });
});

describe("hosts that mean b.example to someone", () => {
  const config = rule("DENY", {
    header: { name: ":authority", string_match: { exact: "b.example", ignore_case: true } },
  });
  const settings = { strip_any_host_port: true, strip_trailing_host_dot: true };

  it.each(["b.example", "B.Example", "b.example.", "b.example:80", "b.example.:8080"])(
    "does not let %s pass a rule that denies b.example",
    async (host) => {
      const { port } = await setUp("rbac", "RBAC", config, { settings });
      expect((await sendRaw(port, request("GET", "/", [`host: ${host}`]))).status).toBe(403);
    },
  );

  it.each([
    ["two hosts", ["host: a.example", "host: b.example"]],
    ["a host that is none", ["host: a.example@b.example/"]],
  ])("refuses %s", async (_name, headers) => {
    const { port } = await setUp("rbac", "RBAC", config, { settings });
    expect((await sendRaw(port, request("GET", "/", headers))).status).toBe(400);
  });

  it("goes by the target where it is absolute, whatever the header says", async () => {
    const { port } = await setUp("rbac", "RBAC", config, { settings });
    expect((await sendRaw(port, request("GET", "http://b.example/", ["host: a.example"]))).status).toBe(403);
  });
});

describe("rules that cannot be kept", () => {
  it.each<[string, object]>([
    ["a CEL condition", { condition: { const_expr: { bool_value: false } } }],
    [
      "an unknown matcher",
      {
        permissions: [
          { matcher: { name: "x", typed_config: { "@type": type("filters.http.router.v3.Router") } } },
        ],
      },
    ],
    [
      "an address that is none",
      { permissions: [{ destination_ip: { address_prefix: "x", prefix_len: 8 } }] },
    ],
    ["a pattern that is none", { permissions: [path({ safe_regex: { regex: "(" } })] }],
  ])("refuses a policy with %s, in place of a listener without it", async (_name, policy) => {
    const full = { permissions: [{ any: true }], principals: [{ any: true }], ...policy };
    await expect(setUp("rbac", "RBAC", { rules: { action: "DENY", policies: { p: full } } })).rejects.toThrow(
      /l:.*rules/s,
    );
  });
});

describe("an external authorizer", () => {
  const body = { max_request_bytes: 4 };
  const http = (more: object = {}) => ({
    http_service: { server_uri: { uri: "http://a", cluster: "authz", timeout: "0.2s" } },
    transport_api_version: "V3",
    allowed_headers: { patterns: [{ exact: "x-want" }] },
    ...more,
  });
  const cluster = (port: number): JsonValue => ({
    name: "authz",
    type: "STATIC",
    load_assignment: loadAssignment("authz", port),
  });
  const answers: Record<string, HttpAnswer | undefined> = {
    ok: { status: 200 },
    no: { status: 403, body: "no" },
    broken: { status: 503 },
    huge: { status: 200, body: "x".repeat(300_000) },
  };

  async function setUpHttp(more: object = {}) {
    const authorizer = await startHttpAuthorizer(answers);
    cleanup.add(() => authorizer.close());
    return setUp("ext_authz", "ExtAuthz", http(more), { clusters: [cluster(authorizer.port)] });
  }

  it.each([
    ["says no", "no", 403],
    ["breaks", "broken", 403],
    ["breaks off", "gone", 403],
    ["says too much", "huge", 403],
    ["says yes", "ok", 200],
  ])("that %s: %s is answered %d", async (_name, want, status) => {
    const { port } = await setUpHttp();
    expect((await sendRaw(port, request("GET", "/", [`x-want: ${want}`]))).status).toBe(status);
  });

  it("that does not answer in time lets nothing pass", async () => {
    const silent = createServer((socket) => socket.on("error", () => {}));
    const port = await listen(silent);
    cleanup.add(() => {
      silent.close();
    });
    const { port: proxyPort } = await setUp("ext_authz", "ExtAuthz", http(), { clusters: [cluster(port)] });
    expect((await sendRaw(proxyPort, request("GET", "/"))).status).toBe(403);
  });

  it("that is not there lets nothing pass", async () => {
    const { port } = await setUp("ext_authz", "ExtAuthz", http({ status_on_error: { code: "BadGateway" } }));
    expect((await sendRaw(port, request("GET", "/"))).status).toBe(502);
  });

  it("refuses bodies that it cannot be shown as a whole", async () => {
    const { port } = await setUpHttp({ with_request_body: body });
    const post = (text: string) => sendRaw(port, request("POST", "/", ["x-want: ok"], text));
    expect([(await post("1234")).status, (await post("12345")).status]).toEqual([200, 413]);
  });

  it("writes no header lines by what it answers", async () => {
    const authorizer = await startGrpcAuthorizer(() => ({
      okResponse: { headers: [{ header: { key: "x-user", value: "joe\r\nx-admin: 1" } }] },
    }));
    cleanup.add(() => authorizer.close());
    const h2 = {
      ...(cluster(authorizer.port) as object),
      typed_extension_protocol_options: {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
          "@type": type("upstreams.http.v3.HttpProtocolOptions"),
          explicit_http_config: { http2_protocol_options: {} },
        },
      },
    };
    const { port } = await setUp(
      "ext_authz",
      "ExtAuthz",
      { grpc_service: { envoy_grpc: { cluster_name: "authz" } }, transport_api_version: "V3" },
      { clusters: [h2] },
    );
    expect((await sendRaw(port, request("GET", "/"))).status).toBe(403);
    expect(authorizer.asked.size).toBe(1);
  });
});
