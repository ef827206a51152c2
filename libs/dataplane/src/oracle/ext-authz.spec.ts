import type { JsonValue } from "@bufbuild/protobuf";
import { describeWithPeer } from "@weft/testkit";
import {
  type HttpAnswer,
  startGrpcAuthorizer,
  startHttpAuthorizer,
  type TestAuthorizer,
} from "../ext-authz/fixtures.ts";
import { createCleanup, httpChain, loadAssignment, loopback, startEcho } from "../testing.ts";
import { logLines, type Pair, request, sendRaw, startPair } from "./testing/pair.ts";

const type = (name: string) => `type.googleapis.com/envoy.extensions.${name}`;

const httpAnswers: Readonly<Record<string, HttpAnswer | undefined>> = {
  ok: {
    status: 200,
    headers: {
      "x-user": "joe",
      "x-roles": "ops",
      "x-other": "no",
      "x-client": "yes",
      "x-meta": "m",
      "content-type": "text/html",
    },
    body: "body of an ok",
  },
  remove: { status: 200, headers: { "x-envoy-auth-headers-to-remove": "x-secret, x-case2,host" } },
  deny: {
    status: 403,
    headers: {
      "x-reason": "rules",
      "x-user": "joe",
      "set-cookie": ["a=b", "c=d"],
      "www-authenticate": "Basic",
      "content-type": "text/html",
    },
    body: "<p>no</p>",
  },
  login: { status: 302, headers: { location: "http://login/", "x-reason": "r" } },
  created: { status: 201, body: "made" },
  empty: { status: 401 },
  broken: { status: 500, body: "oops" },
  gone: undefined,
};

const header = (key: string, value: string, more: object = {}) => ({ header: { key, value }, ...more });
const grpcAnswers: Readonly<Record<string, JsonValue | number | "never">> = {
  ok: {
    okResponse: {
      headers: [
        header("x-user", "joe", { append: false }),
        header("x-roles", "ops", { append: true }),
        header("x-new", "n", { append: true }),
        header("x-add", "1"),
        header("x-set", "3", { appendAction: "OVERWRITE_IF_EXISTS_OR_ADD" }),
      ],
      headersToRemove: ["x-secret", "host", ":path"],
      responseHeadersToAdd: [header("x-client", "yes"), header("x-up", "2", { append: false })],
      queryParametersToSet: [{ key: "q", value: "2" }],
      queryParametersToRemove: ["gone"],
    },
    dynamicMetadata: { from: "authorizer", n: 1 },
  },
  plain: {},
  deny: {
    status: { code: 7 },
    deniedResponse: {
      status: { code: "Unauthorized" },
      headers: [header("x-reason", "rules"), header("content-type", "text/html")],
      body: "<p>no</p>",
    },
    dynamicMetadata: { why: "rules" },
  },
  bare: { status: { code: 7 } },
  unavailable: 14,
  slow: "never",
};

const ask = (
  name: string,
  want: string,
  path = "/a?q=1&gone=1",
  headers: readonly string[] = [],
  method = "GET",
  body = "",
) =>
  [
    name,
    request(
      method,
      path,
      [`x-want: ${want}`, "x-roles: dev", "x-role2: old", "x-secret: s", ...headers],
      body,
    ),
  ] as const;

const requests: readonly (readonly [name: string, text: string])[] = [
  ...[
    "ok",
    "remove",
    "deny",
    "login",
    "created",
    "empty",
    "broken",
    "gone",
    "plain",
    "bare",
    "unavailable",
    "slow",
  ].map((want) => ask(want, want)),
  ask("post", "ok", "/post", ["content-type: text/plain"], "POST", "0123456789abcdef"),
  ask("post-denied", "deny", "/post", [], "POST", "0123456789abcdef"),
  ask("short-post", "ok", "/post", [], "POST", "01"),
  ask("free", "deny", "/free"),
  ask("context", "ok", "/context"),
  ask("without-body", "ok", "/unbuffered", [], "POST", "0123456789abcdef"),
  ask("authorization", "ok", "/", ["authorization: Bearer x", "x-user: forged", "x-allowed: 1"]),
  ask("grpc", "deny", "/", ["content-type: application/grpc"], "POST"),
  ask("not-asked", "deny", "/", ["x-skip: 1"]),
];

const http = (more: object = {}, answer: object = {}): Record<string, JsonValue> => ({
  http_service: {
    server_uri: { uri: "http://authz", cluster: "authz-http", timeout: "2s" },
    path_prefix: "/check",
    authorization_request: { headers_to_add: [{ key: "x-added", value: "1" }] },
    authorization_response: {
      allowed_upstream_headers: { patterns: [{ exact: "x-user" }] },
      allowed_upstream_headers_to_append: { patterns: [{ prefix: "x-roles" }] },
      allowed_client_headers_on_success: { patterns: [{ exact: "x-client" }] },
      ...answer,
    },
  },
  allowed_headers: { patterns: [{ exact: "x-want" }, { exact: "x-case" }, { prefix: "x-al" }] },
  ...more,
});
const grpc = (more: object = {}): Record<string, JsonValue> => ({
  grpc_service: { envoy_grpc: { cluster_name: "authz-grpc", authority: "authorizer" }, timeout: "0.5s" },
  ...more,
});
const body = (more: object = {}) => ({ max_request_bytes: 8, ...more });

const configs: Readonly<Record<string, JsonValue>> = {
  http: http(),
  "http, client headers": http(
    {},
    {
      allowed_client_headers: { patterns: [{ exact: "x-reason" }] },
      dynamic_metadata_from_headers: { patterns: [{ exact: "x-meta" }] },
    },
  ),
  "http, open on errors": http({ failure_mode_allow: true, failure_mode_allow_header_add: true }),
  "http, status on errors": http({ status_on_error: { code: "ServiceUnavailable" }, stat_prefix: "mine" }),
  "http, body": http({ with_request_body: body() }),
  "http, part of the body": http({ with_request_body: body({ allow_partial_message: true }) }),
  "http, no authorizer": http({
    http_service: { server_uri: { uri: "http://x", cluster: "nobody", timeout: "1s" } },
  }),
  "http, disabled": http({ filter_enabled: { default_value: { numerator: 0 } } }),
  "http, disabled and denied": http({
    filter_enabled: { default_value: { numerator: 0 } },
    deny_at_disable: { runtime_key: "x", default_value: true },
  }),
  "http, by metadata": http({
    filter_enabled_metadata: {
      filter: "envoy.filters.http.rbac",
      path: [{ key: "ask_shadow_effective_policy_id" }],
      value: { string_match: { prefix: "ask" } },
    },
  }),
  grpc: grpc(),
  "grpc, part of the body": grpc({
    with_request_body: body({ allow_partial_message: true }),
    clear_route_cache: true,
  }),
  "grpc, body as bytes": grpc({
    with_request_body: body({ allow_partial_message: true, pack_as_bytes: true }),
    metadata_context_namespaces: ["envoy.filters.http.rbac"],
  }),
  "grpc, chosen headers": grpc({
    allowed_headers: { patterns: [{ prefix: "x-" }] },
    disallowed_headers: { patterns: [{ exact: "x-secret" }] },
  }),
};

const format =
  "%REQ(x-case)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(envoy.filters.http.ext_authz)%\n";

const perRoute = (path: string, config: JsonValue): JsonValue => ({
  match: { prefix: path },
  route: { cluster: "up" },
  typed_per_filter_config: {
    authz: { "@type": type("filters.http.ext_authz.v3.ExtAuthzPerRoute"), ...(config as object) },
  },
});

const cluster = (name: string, port: number, h2 = false): JsonValue => ({
  name,
  type: "STATIC",
  connect_timeout: "1s",
  load_assignment: port === 0 ? { cluster_name: name } : loadAssignment(name, port),
  ...(h2 && {
    typed_extension_protocol_options: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": type("upstreams.http.v3.HttpProtocolOptions"),
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
  }),
});

function resources(ports: { upstream: number; http: number; grpc: number }, logPath: string) {
  return {
    clusters: [
      cluster("up", ports.upstream),
      cluster("authz-http", ports.http),
      cluster("authz-grpc", ports.grpc, true),
      cluster("nobody", 0),
    ],
    listeners: Object.entries(configs).map(([name, filter], index) => ({
      name,
      address: loopback(0),
      filter_chains: [
        httpChain(
          {
            route_config: {
              name: "r",
              virtual_hosts: [
                {
                  name: "v",
                  domains: ["*"],
                  routes: [
                    perRoute("/free", { disabled: true }),
                    perRoute("/context", { check_settings: { context_extensions: { a: "b" } } }),
                    perRoute("/unbuffered", { check_settings: { disable_request_body_buffering: true } }),
                    { match: { prefix: "/" }, route: { cluster: "up" } },
                  ],
                },
              ],
            },
          },
          {
            stat_prefix: `l${index}`,
            http_filters: [
              {
                name: "rbac",
                typed_config: {
                  "@type": type("filters.http.rbac.v3.RBAC"),
                  shadow_rules_stat_prefix: "ask_",
                  shadow_rules: {
                    action: "DENY",
                    policies: {
                      "ask-1": {
                        permissions: [{ not_rule: { header: { name: "x-skip", present_match: true } } }],
                        principals: [{ any: true }],
                      },
                    },
                  },
                },
              },
              {
                name: "authz",
                typed_config: {
                  "@type": type("filters.http.ext_authz.v3.ExtAuthz"),
                  transport_api_version: "V3",
                  ...(filter as object),
                },
              },
              { name: "router", typed_config: { "@type": type("filters.http.router.v3.Router") } },
            ],
            access_log: [
              {
                name: "file",
                typed_config: {
                  "@type": type("access_loggers.file.v3.FileAccessLog"),
                  path: logPath,
                  log_format: { text_format_source: { inline_string: format } },
                },
              },
            ],
          },
        ),
      ],
    })) as JsonValue[],
  };
}

/** What differs from one run to another, and what a client of one's own is known by. */
function withoutChance(asked: unknown): unknown {
  if (asked === undefined) return undefined;
  const text = JSON.stringify(asked, (key, value) => {
    if (["id", "time", "portValue", "x-request-id", "x-envoy-expected-rq-timeout-ms"].includes(key))
      return undefined;
    if (["x-envoy-internal", "x-forwarded-for", "connection", "x-envoy-original-path"].includes(key))
      return undefined;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
  return JSON.parse(text);
}

describeWithPeer("envoy", "ext_authz beside a real Envoy", (envoy) => {
  const cleanup = createCleanup();
  const count = Object.keys(configs).length;
  const seen = { envoy: new Map<string, unknown>(), weft: new Map<string, unknown>() };
  let pair: Pair;

  beforeAll(async () => {
    const upstream = await startEcho(cleanup);
    const http = await startHttpAuthorizer(httpAnswers);
    const grpcServer = await startGrpcAuthorizer(
      (asked) =>
        grpcAnswers[
          (asked as { attributes: { request: { http: { headers: Record<string, string> } } } }).attributes
            .request.http.headers["x-want"] ?? ""
        ] ?? {},
    );
    const authorizers: readonly TestAuthorizer[] = [http, grpcServer];
    for (const authorizer of authorizers) cleanup.add(() => authorizer.close());
    const ports = { upstream, http: http.port, grpc: grpcServer.port };
    pair = await startPair(envoy, (logPath) => resources(ports, logPath), cleanup);
    for (const name of ["envoy", "weft"] as const) {
      const answers = new Map<string, unknown>();
      for (let index = 0; index < count; index++) {
        await Promise.all(
          requests.map(async ([what, text]) => {
            const key = `${index}:${what}`;
            const marked = text.replace("\r\nconnection: close", `\r\nx-case: ${key}\r\nconnection: close`);
            const { status, headers, body } = await sendRaw(pair[name].port(index), marked);
            const {
              date: _date,
              "x-envoy-upstream-service-time": _time,
              "content-length": _length,
              ...kept
            } = headers;
            answers.set(key, { status, headers: kept, body });
          }),
        );
      }
      const lines = await logLines(pair[name], count * requests.length);
      for (let index = 0; index < count; index++) {
        for (const [what] of requests) {
          const key = `${index}:${what}`;
          const asked = authorizers.map((authorizer) => withoutChance(authorizer.asked.get(key)));
          seen[name].set(key, {
            answer: answers.get(key),
            log: lines.get(key)?.replace(/"ext_authz_duration":\d+,?/, ""),
            asked,
          });
        }
      }
      for (const authorizer of authorizers) (authorizer.asked as Map<string, unknown>).clear();
    }
  }, 60_000);
  afterAll(() => cleanup.run());

  it.each(Object.keys(configs).map((name, index) => [name, index] as const))(
    "asks, answers, forwards and logs as Envoy does: %s",
    (_name, index) => {
      const of = (name: "envoy" | "weft") =>
        requests.map(([what]) => [what, seen[name].get(`${index}:${what}`)]);
      expect(of("weft")).toEqual(of("envoy"));
    },
  );

  it("asks the authorizers, and lets them decide", () => {
    expect(seen.weft.get("0:deny")).toMatchObject({
      answer: { status: 403, body: "<p>no</p>" },
      asked: [{ method: "GET", url: "/check/a?q=1&gone=1" }, undefined],
    });
    expect(seen.weft.get("10:deny")).toMatchObject({
      answer: { status: 401, headers: { "x-reason": "rules" } },
      asked: [undefined, { attributes: { request: { http: { path: "/a?q=1&gone=1" } } } }],
    });
  });

  it("counts as Envoy does", async () => {
    const { envoy: real, weft } = await pair.stats(
      /^http\..*ext_authz\.(?:mine\.)?(?:ok|denied|error|disabled|failure_mode_allowed)$/,
    );
    expect(Object.keys(real).length).toBeGreaterThan(count);
    expect(weft).toEqual(real);
  });
});
