import type { JsonValue } from "@bufbuild/protobuf";
import { describeWithPeer } from "@weft/testkit";
import {
  createCleanup,
  httpChain,
  loadAssignment,
  loopback,
  routeConfiguration,
  startUpstream,
} from "../testing.ts";
import { logLines, type Pair, request, sendRaw, startPair } from "./testing/pair.ts";

const type = (name: string) => `type.googleapis.com/envoy.extensions.${name}`;
const path = (match: JsonValue) => ({ url_path: { path: match } });
const header = (name: string, match: JsonValue) => ({ header: { name, string_match: match } });
const policy = (permissions: JsonValue, principals: JsonValue = { any: true }) => ({
  permissions: [permissions],
  principals: [principals],
});
const block = (address_prefix: string, prefix_len: number) => ({ address_prefix, prefix_len });

/** Rules by name; each is enforced by a listener of its own, and by one beside it that normalizes paths. */
const rules: Readonly<Record<string, JsonValue>> = {
  "deny admin": { action: "DENY", policies: { admin: policy(path({ prefix: "/admin" })) } },
  "deny exact, any case": {
    action: "DENY",
    policies: { "two words": policy(path({ exact: "/Admin/x", ignore_case: true })) },
  },
  "allow templates": {
    action: "ALLOW",
    policies: {
      t: policy({
        uri_template: {
          name: "envoy.path.match.uri_template.uri_template_matcher",
          typed_config: {
            "@type": type("path.match.uri_template.v3.UriTemplateMatchConfig"),
            path_template: "/admin/*",
          },
        },
      }),
    },
  },
  "allow by header or method": {
    action: "ALLOW",
    policies: {
      a: policy({
        or_rules: {
          rules: [
            header(":method", { exact: "POST" }),
            {
              and_rules: {
                rules: [
                  header("x-role", { contains: "ops" }),
                  { not_rule: header("x-no", { contains: "y" }) },
                ],
              },
            },
          ],
        },
      }),
    },
  },
  "deny hosts": { action: "DENY", policies: { h: policy(header(":authority", { exact: "b.example" })) } },
  "allow by address": {
    action: "ALLOW",
    policies: {
      direct: policy({ any: true }, { direct_remote_ip: block("127.0.0.2", 32) }),
      trusted: policy({ any: true }, { remote_ip: block("203.0.113.0", 24) }),
    },
  },
  "deny by destination": {
    action: "DENY",
    policies: {
      d: policy({ and_rules: { rules: [{ destination_ip: block("127.0.0.0", 8) }, path({ suffix: "x" })] } }),
    },
  },
  "allow by certificate": {
    action: "ALLOW",
    policies: {
      c: policy({ any: true }, { authenticated: { principal_name: { safe_regex: { regex: ".*" } } } }),
    },
  },
  "deny absent metadata": {
    action: "DENY",
    policies: {
      m: policy({ any: true }, {
        metadata: { filter: "f", path: [{ key: "k" }], value: { present_match: false } },
      } as JsonValue),
    },
  },
  "allow nobody": { action: "ALLOW", policies: {} },
  log: { action: "LOG", policies: { l: policy(path({ prefix: "/admin" })) } },
};

const requests: readonly (readonly [name: string, text: string, from?: string])[] = [
  ["plain", request("GET", "/")],
  ["admin", request("GET", "/admin")],
  ["admin-below", request("GET", "/admin/x?y=/z")],
  ["query", request("GET", "/?p=/admin")],
  ["encoded-query-sign", request("GET", "/admin/x%3Fy")],
  ["double-slash", request("GET", "//admin")],
  ["slashes-within", request("GET", "/admin//x")],
  ["dots", request("GET", "/x/../admin")],
  ["dots-at-root", request("GET", "/../../admin")],
  ["encoded-dots", request("GET", "/x/%2e%2e/admin")],
  ["encoded-dots-twice", request("GET", "/x/%252e%252e/admin")],
  ["encoded-slash", request("GET", "/x/..%2fadmin")],
  ["encoded-slash-upper", request("GET", "/admin%2Fx")],
  ["backslash", request("GET", "/x\\..\\admin")],
  ["encoded-backslash", request("GET", "/x/..%5cadmin")],
  ["encoded-letter", request("GET", "/%61dmin")],
  ["broken-encoding", request("GET", "/admin%zz")],
  ["nul", request("GET", "/admin%00")],
  ["semicolon", request("GET", "/admin;a=b/x")],
  ["dot-segment", request("GET", "/./admin")],
  ["dot-behind", request("GET", "/admin/.")],
  ["dots-behind", request("GET", "/admin/..")],
  ["upper", request("GET", "/ADMIN/X")],
  ["absolute", request("GET", "http://b.example/admin")],
  ["absolute-without-path", request("GET", "http://a.example")],
  ["absolute-with-query", request("GET", "http://a.example?x=/admin")],
  ["fragment", request("GET", "/x#/admin")],
  ["star", request("OPTIONS", "*")],
  ["post", request("POST", "/admin", [], "x")],
  ["role", request("GET", "/", ["x-role: dev", "x-role: ops"])],
  ["role-but-no", request("GET", "/", ["x-role: ops", "x-no: y"])],
  ["grpc", request("POST", "/admin/grpc", ["content-type: application/grpc"], "x")],
  ["host", request("GET", "/", ["host: b.example"])],
  ["host-upper", request("GET", "/", ["host: B.example"])],
  ["host-dot", request("GET", "/", ["host: b.example."])],
  ["host-port", request("GET", "/", ["host: b.example:80"])],
  ["from-second", request("GET", "/"), "127.0.0.2"],
  ["forwarded-for", request("GET", "/", ["x-forwarded-for: 203.0.113.7"])],
  ["forwarded-for-list", request("GET", "/", ["x-forwarded-for: 203.0.113.7, 10.0.0.1"])],
];

const normalizing = {
  normalize_path: true,
  merge_slashes: true,
  path_with_escaped_slashes_action: "UNESCAPE_AND_FORWARD",
  strip_any_host_port: true,
};

/** Both ways to use each set of rules, and ways in which only one differs. */
const listeners: readonly (readonly [
  name: string,
  filter: JsonValue,
  settings: Record<string, JsonValue>,
])[] = [
  ...Object.entries(rules).flatMap(([name, set]) => [
    [name, { rules: set }, {}] as const,
    [`${name}, normalized`, { rules: set }, normalizing] as const,
  ]),
  ["shadow", { shadow_rules: rules["deny admin"] as JsonValue, shadow_rules_stat_prefix: "dry_" }, {}],
  [
    "prefixes",
    {
      rules: rules["deny admin"] as JsonValue,
      rules_stat_prefix: "hard_",
      shadow_rules: rules["allow by header or method"] as JsonValue,
      track_per_rule_stats: true,
    },
    {},
  ],
  ["merged slashes alone", { rules: rules["deny admin"] as JsonValue }, { merge_slashes: true }],
  ["dots alone", { rules: rules["deny admin"] as JsonValue }, { normalize_path: true }],
  ["no escaped slashes", {}, { path_with_escaped_slashes_action: "REJECT_REQUEST" }],
  ["slashes by redirect", {}, { ...normalizing, path_with_escaped_slashes_action: "UNESCAPE_AND_REDIRECT" }],
  ["strip dot", { rules: rules["deny hosts"] as JsonValue }, { strip_trailing_host_dot: true }],
  [
    "edge",
    { rules: rules["allow by address"] as JsonValue },
    { use_remote_address: true, xff_num_trusted_hops: 1 },
  ],
];

const format =
  "%REQ(x-case)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% " +
  "%DYNAMIC_METADATA(envoy.filters.http.rbac)% %DYNAMIC_METADATA(envoy.common)%\n";

function resources(upstream: number, logPath: string) {
  return {
    clusters: [
      { name: "up", type: "STATIC", load_assignment: loadAssignment("up", upstream) },
    ] as JsonValue[],
    listeners: listeners.map(([name, filter, settings], index) => ({
      name,
      address: loopback(0),
      filter_chains: [
        httpChain(
          { route_config: routeConfiguration("r", { route: { cluster: "up" } }) },
          {
            stat_prefix: `l${index}`,
            ...settings,
            http_filters: [
              {
                name: "rbac",
                typed_config: { "@type": type("filters.http.rbac.v3.RBAC"), ...(filter as object) },
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

describeWithPeer("envoy", "RBAC beside a real Envoy", (envoy) => {
  const cleanup = createCleanup();
  let pair: Pair;
  const answers = { envoy: new Map<string, unknown>(), weft: new Map<string, unknown>() };
  const logs = { envoy: new Map<string, string>(), weft: new Map<string, string>() };

  beforeAll(async () => {
    const upstream = await startUpstream("a", cleanup);
    pair = await startPair(envoy, (logPath) => resources(upstream, logPath), cleanup);
    for (const name of ["envoy", "weft"] as const) {
      for (const index of listeners.keys()) {
        await Promise.all(
          requests.map(async ([what, text, from]) => {
            const key = `${index}:${what}`;
            const marked = text.replace("\r\nconnection: close", `\r\nx-case: ${key}\r\nconnection: close`);
            const { status, headers, body } = await sendRaw(pair[name].port(index), marked, from);
            answers[name].set(key, {
              status,
              body,
              type: headers["content-type"],
              location: headers.location,
              grpc: [headers["grpc-status"], headers["grpc-message"]],
            });
          }),
        );
      }
      logs[name] = await logLines(pair[name], listeners.length * requests.length);
    }
  }, 60_000);
  afterAll(() => cleanup.run());

  it.each(listeners.map(([name], index) => [name, index] as const))(
    "answers and logs as Envoy does: %s",
    (_name, index) => {
      const seen = (name: "envoy" | "weft") =>
        requests.map(([what]) => {
          const key = `${index}:${what}`;
          return [what, answers[name].get(key), logs[name].get(key)];
        });
      expect(seen("weft")).toEqual(seen("envoy"));
    },
  );

  it("counts as Envoy does", async () => {
    const { envoy: real, weft } = await pair.stats(/rbac/);
    expect(Object.keys(real).length).toBeGreaterThan(listeners.length);
    expect(weft).toEqual(real);
  });
});
