import { connect } from "node:net";
import type { JsonValue } from "@bufbuild/protobuf";
import { startGrpcAuthorizer } from "../../ext-authz/fixtures.ts";
import type { ProxyServer } from "../../proxy.ts";
import {
  createCleanup,
  listener,
  loadAssignment,
  portOf,
  startProxy,
  startUpstream,
  tcpChain,
  until,
} from "../../testing.ts";

const type = (name: string) => `type.googleapis.com/envoy.extensions.${name}`;
const cleanup = createCleanup();
afterEach(() => cleanup.run());

const rbac = (more: object): JsonValue => ({
  name: "rbac",
  typed_config: { "@type": type("filters.network.rbac.v3.RBAC"), stat_prefix: "tcp.", ...more },
});
const rules = (action: string, permission: JsonValue, principal: JsonValue = { any: true }) => ({
  action,
  policies: { p: { permissions: [permission], principals: [principal] } },
});
const authz = (more: object = {}): JsonValue => ({
  name: "authz",
  typed_config: {
    "@type": type("filters.network.ext_authz.v3.ExtAuthz"),
    stat_prefix: "t",
    transport_api_version: "V3",
    grpc_service: { envoy_grpc: { cluster_name: "authz" }, timeout: "0.2s" },
    ...more,
  },
});

/** A proxy with these filters before a TCP proxy, and an authorizer at a port (none at 0). */
async function setUp(filters: readonly JsonValue[], authorizer = 0): Promise<ProxyServer> {
  const upstream = await startUpstream("a", cleanup);
  const chain = tcpChain("up") as { filters: JsonValue[] };
  const proxy = await startProxy(
    {
      static_resources: {
        clusters: [
          { name: "up", type: "STATIC", load_assignment: loadAssignment("up", upstream) },
          {
            name: "authz",
            type: "STATIC",
            load_assignment:
              authorizer === 0 ? { cluster_name: "authz" } : loadAssignment("authz", authorizer),
            typed_extension_protocol_options: {
              "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": type("upstreams.http.v3.HttpProtocolOptions"),
                explicit_http_config: { http2_protocol_options: {} },
              },
            },
          },
        ],
        listeners: [listener("l", { filters: [...filters, ...chain.filters] })],
      },
    },
    cleanup,
  );
  await until(() => proxy.state === "LIVE", "LIVE");
  return proxy;
}

/** What the upstream answers; empty where the connection is closed instead. */
function probe(proxy: ProxyServer): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(portOf(proxy, "l"), "127.0.0.1", () =>
      socket.write("GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"),
    );
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", () => {}); // `close` follows
    socket.on("close", () => resolve(text.split("\r\n\r\n")[1] ?? ""));
  });
}

const counter = (proxy: ProxyServer, name: string) => proxy.stats.counters.get(name)?.value;

describe("network RBAC", () => {
  const loopback = { direct_remote_ip: { address_prefix: "127.0.0.0", prefix_len: 8 } };

  it.each<[string, JsonValue, string]>([
    ["allows who is meant", rules("ALLOW", { any: true }, loopback), "a /x"],
    ["refuses who is not", rules("ALLOW", { any: true }, { not_id: loopback }), ""],
    ["refuses who is meant", rules("DENY", { any: true }, loopback), ""],
    ["refuses all where no policy is there to allow", { action: "ALLOW" }, ""],
    ["knows no certificate without TLS", rules("ALLOW", { any: true }, { authenticated: {} }), ""],
  ])("%s", async (_name, set, answer) => {
    const proxy = await setUp([rbac({ rules: set })]);
    expect(await probe(proxy)).toBe(answer);
    expect(counter(proxy, `tcp.rbac.${answer === "" ? "denied" : "allowed"}`)).toBe(1);
    // Who is refused never gets as far as the upstream.
    expect(counter(proxy, "cluster.up.upstream_cx_total") ?? 0).toBe(answer === "" ? 0 : 1);
  });

  it("refuses configuration about headers", async () => {
    const set = rules("DENY", { not_rule: { header: { name: "x", present_match: true } } });
    await expect(setUp([rbac({ rules: set })])).rejects.toThrow("rule about a header");
  });
});

describe("network ext_authz", () => {
  const denial = { status: { code: 7 } };

  it.each<[string, JsonValue | number | "never", object, string]>([
    ["says yes", {}, {}, "a /x"],
    ["says no", denial, {}, ""],
    ["breaks", 14, {}, ""],
    ["is silent", "never", {}, ""],
    ["breaks, and may", 14, { failure_mode_allow: true }, "a /x"],
    ["says no, though it may break", denial, { failure_mode_allow: true }, ""],
  ])("heeds an authorizer that %s", async (_name, decision, more, answer) => {
    const authorizer = await startGrpcAuthorizer(() => decision);
    cleanup.add(() => authorizer.close());
    const proxy = await setUp([authz(more)], authorizer.port);
    expect(await probe(proxy)).toBe(answer);
    expect(authorizer.asked.size).toBe(1);
    expect(counter(proxy, "ext_authz.t.total")).toBe(1);
  });

  it("closes where there is no authorizer", async () => {
    expect(await probe(await setUp([authz()]))).toBe("");
  });

  it("asks only where the rules before it found something", async () => {
    const asks = (matched: boolean) => [
      rbac({
        shadow_rules_stat_prefix: "a-",
        shadow_rules: rules("DENY", matched ? { any: true } : { not_rule: { any: true } }),
      }),
      authz({
        filter_enabled_metadata: {
          filter: "envoy.filters.network.rbac",
          path: [{ key: "a-shadow_effective_policy_id" }],
          value: { string_match: { exact: "p" } },
        },
      }),
    ];
    expect(await probe(await setUp(asks(false)))).toBe("a /x");
    expect(await probe(await setUp(asks(true)))).toBe("");
  });

  it("ends with the proxy while it is asked", async () => {
    const authorizer = await startGrpcAuthorizer(() => "never");
    cleanup.add(() => authorizer.close());
    const more = { grpc_service: { envoy_grpc: { cluster_name: "authz" }, timeout: "60s" } };
    const proxy = await setUp([authz(more)], authorizer.port);
    const answer = probe(proxy);
    await until(() => authorizer.asked.size === 1, "the question");
    await proxy.close();
    expect(await answer).toBe("");
  });
});
