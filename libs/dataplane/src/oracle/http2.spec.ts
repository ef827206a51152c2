import { connect, type OutgoingHttpHeaders } from "node:http2";
import type { JsonValue } from "@bufbuild/protobuf";
import { describeWithPeer } from "@weft/testkit";
import { createCleanup, httpChain, loadAssignment, loopback, startEcho } from "../testing.ts";
import { startPair } from "./testing/pair.ts";

const type = (name: string) => `type.googleapis.com/envoy.extensions.${name}`;
const deny = (permission: JsonValue): JsonValue => ({
  rules: { action: "DENY", policies: { p: { permissions: [permission], principals: [{ any: true }] } } },
});
const denyAdmin = deny({ url_path: { path: { prefix: "/admin" } } });
const denyHost = deny({
  header: { name: ":authority", string_match: { exact: "b.example", ignore_case: true } },
});
const normalizing = {
  normalize_path: true,
  merge_slashes: true,
  path_with_escaped_slashes_action: "UNESCAPE_AND_FORWARD",
  strip_any_host_port: true,
  strip_trailing_host_dot: true,
};

const configs: Readonly<Record<string, { rbac: JsonValue; settings: Record<string, JsonValue> }>> = {
  "deny admin": { rbac: denyAdmin, settings: {} },
  "deny admin, normalized": { rbac: denyAdmin, settings: normalizing },
  "deny hosts": { rbac: denyHost, settings: {} },
  "deny hosts, normalized": { rbac: denyHost, settings: normalizing },
  "at the edge, underscores dropped": {
    rbac: {},
    settings: {
      use_remote_address: true,
      common_http_protocol_options: { headers_with_underscores_action: "DROP_HEADER" },
    },
  },
};

const path = (value: string): OutgoingHttpHeaders => ({ ":path": value });
const requests: Readonly<Record<string, OutgoingHttpHeaders>> = {
  plain: path("/"),
  admin: path("/admin/x?y"),
  "double-slash": path("//admin"),
  dots: path("/x/../admin"),
  "encoded-dots": path("/x/%2e%2e/admin"),
  "encoded-slash": path("/x/..%2fadmin"),
  backslash: path("/x\\..\\admin"),
  "encoded-letter": path("/%61dmin"),
  nul: path("/admin%00"),
  fragment: path("/x#/admin"),
  "no-slash": path("admin"),
  star: path("*"),
  absolute: path("http://a.example/admin"),
  upper: path("/ADMIN"),
  host: { ":authority": "b.example" },
  "host-upper": { ":authority": "B.Example" },
  "host-dot": { ":authority": "b.example." },
  "host-port": { ":authority": "b.example:80" },
  "host-beside": { ":authority": "a.example", host: "b.example" },
  "forged-internal": { "x-envoy-retry-on": "5xx", "x-envoy-internal": "true", "x-forwarded-for": "10.0.0.1" },
  "forged-certificate": { "x-forwarded-client-cert": "URI=spiffe://td/ns/a/sa/admin" },
  underscore: { x_user: "admin" },
  grpc: { ":method": "POST", ":path": "/admin/grpc", "content-type": "application/grpc", te: "trailers" },
};

function resources(upstream: number) {
  return {
    clusters: [
      { name: "up", type: "STATIC", load_assignment: loadAssignment("up", upstream) },
    ] as JsonValue[],
    listeners: Object.entries(configs).map(([name, { rbac, settings }]) => ({
      name,
      address: loopback(0),
      filter_chains: [
        httpChain(
          {
            route_config: {
              name: "r",
              virtual_hosts: [
                { name: "v", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "up" } }] },
              ],
            },
          },
          {
            codec_type: "HTTP2",
            ...settings,
            http_filters: [
              {
                name: "rbac",
                typed_config: { "@type": type("filters.http.rbac.v3.RBAC"), ...(rbac as object) },
              },
              { name: "router", typed_config: { "@type": type("filters.http.router.v3.Router") } },
            ],
          },
        ),
      ],
    })) as JsonValue[],
  };
}

/** What is answered over a connection of its own; `reset` where the stream or the connection is broken off. */
function ask(port: number, headers: OutgoingHttpHeaders): Promise<unknown> {
  return new Promise((resolve) => {
    const session = connect(`http://127.0.0.1:${port}`);
    session.on("error", () => {}); // the stream is told
    const stream = session.request({ ":method": "GET", ":path": "/", ":authority": "a.example", ...headers });
    let answer: unknown = "reset";
    let body = "";
    stream.on("response", (head) => {
      const { ":status": status, "grpc-status": grpc, "grpc-message": message } = head;
      answer = { status, grpc, message };
    });
    stream.on("data", (chunk) => {
      body += chunk;
    });
    stream.on("error", () => {});
    stream.on("close", () => {
      session.destroy();
      const text = body.replace(/(?<=x-forwarded-for: (?:.*,)?)[\d.]+$/gm, "PEER");
      resolve(answer === "reset" ? answer : { ...(answer as object), body: text });
    });
    stream.end();
  });
}

describeWithPeer("envoy", "policies over HTTP/2 beside a real Envoy", (envoy) => {
  const cleanup = createCleanup();
  const seen = { envoy: new Map<string, unknown>(), weft: new Map<string, unknown>() };

  beforeAll(async () => {
    const upstream = await startEcho(cleanup);
    const pair = await startPair(envoy, () => resources(upstream), cleanup);
    for (const name of ["envoy", "weft"] as const) {
      for (const index of Object.keys(configs).keys()) {
        for (const [what, headers] of Object.entries(requests))
          seen[name].set(`${index}:${what}`, await ask(pair[name].port(index), headers));
      }
    }
  }, 60_000);
  afterAll(() => cleanup.run());

  it.each(Object.keys(configs).map((name, index) => [name, index] as const))(
    "answers and forwards as Envoy does: %s",
    (_name, index) => {
      const of = (name: "envoy" | "weft") =>
        Object.keys(requests).map((what) => [what, seen[name].get(`${index}:${what}`)]);
      expect(of("weft")).toEqual(of("envoy"));
    },
  );
});
