import type { JsonValue } from "@bufbuild/protobuf";
import { fromEnvoyJson } from "@weft/envoy-api";
import { RouteConfigurationSchema } from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import { httpFilterFactories } from "../../http/filters/index.ts";
import type { ConnectionInfo } from "../../runtime/connection.ts";
import { HeaderMap } from "../../runtime/headers.ts";
import { RequestHead } from "../../runtime/request.ts";
import type { ForwardAction, Route } from "../../runtime/route.ts";
import { StreamInfo } from "../../runtime/stream-info.ts";
import { compileRouteTable } from "./table.ts";

const compile = (json: JsonValue) =>
  compileRouteTable(fromEnvoyJson(RouteConfigurationSchema, json), httpFilterFactories);

const oneHost = (routes: JsonValue[], more: Record<string, JsonValue> = {}) => ({
  name: "r",
  virtual_hosts: [{ name: "v", domains: ["*"], routes, ...more }],
});

function head(
  path: string,
  { authority = "reviews:9080", method = "GET", headers = [] as string[] } = {},
): RequestHead {
  return new RequestHead(method, path, authority, "HTTP/1.1", new HeaderMap(headers));
}

/** The only route of a configuration that must be sound. */
function only(json: JsonValue, request = head("/")): Route {
  const { value, problems } = compile(json);
  expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
  const route = value?.match(request, 0);
  if (route === undefined) throw new Error("no route");
  return route;
}

const forward = (json: JsonValue, request?: RequestHead) => only(json, request).action as ForwardAction; // the tests give routes that forward

const info = new StreamInfo({ remoteAddress: { address: "10.0.0.1", port: 1 } } as ConnectionInfo, 0, 0); // no more is read

describe("compileRouteTable()", () => {
  it("finds the virtual host, then the first route that matches", () => {
    const to = (cluster: string) => ({ route: { cluster } });
    const { value } = compile({
      name: "9080",
      ignore_port_in_host_matching: true,
      virtual_hosts: [
        {
          name: "reviews",
          domains: ["reviews", "*.reviews"],
          routes: [
            {
              match: { prefix: "/", headers: [{ name: "end-user", string_match: { exact: "jason" } }] },
              ...to("v2"),
            },
            { match: { prefix: "/" }, ...to("v1") },
          ],
        },
        { name: "rest", domains: ["*"], routes: [{ match: { prefix: "/" }, ...to("rest") }] },
      ],
    });
    const cluster = (request: RequestHead) =>
      (value?.match(request, 0)?.action as ForwardAction | undefined)?.pick(0, request).cluster; // all routes forward
    expect(cluster(head("/x", { headers: ["end-user", "jason"] }))).toBe("v2");
    expect(cluster(head("/x"))).toBe("v1");
    expect(cluster(head("/x", { authority: "a.reviews" }))).toBe("v1");
    expect(cluster(head("/x", { authority: "ratings:9080" }))).toBe("rest");
  });

  it("has Envoy's defaults", () => {
    const action = forward(
      oneHost([{ match: { prefix: "/" }, route: { cluster: "c", retry_policy: { retry_on: "5xx" } } }]),
    );
    expect(action).toMatchObject({
      timeoutMs: 15_000,
      clusterNotFoundStatus: 503,
      retry: {
        attempts: 1,
        perTryTimeoutMs: 0,
        backoffBaseMs: 25,
        backoffMaxMs: 250,
        avoidPreviousHosts: false,
      },
    });
    expect(action.idleTimeoutMs).toBeUndefined();
    expect(action.maxGrpcTimeoutMs).toBeUndefined();
  });

  it("chooses weighted clusters by their share", () => {
    const weighted = {
      clusters: [
        { name: "a", weight: 90 },
        { name: "b", weight: 10 },
      ],
    };
    const { pick } = forward(oneHost([{ match: { prefix: "/" }, route: { weighted_clusters: weighted } }]));
    const counts = { a: 0, b: 0 };
    for (let i = 0; i < 1000; i++) counts[pick(i / 1000, head("/")).cluster as "a" | "b"]++;
    expect(counts).toEqual({ a: 900, b: 100 });
  });

  it.each([
    [{ prefix: "/api" }, { prefix_rewrite: "/" }, "/api/x?q", "//x?q"],
    [{ prefix: "/api/" }, { prefix_rewrite: "/" }, "/api/x?q", "/x?q"],
    [{ path_separated_prefix: "/api" }, { prefix_rewrite: "/" }, "/api/x", "/x"],
    [{ path_separated_prefix: "/api" }, { prefix_rewrite: "/v2" }, "/api/x", "/v2/x"],
    [{ path: "/old" }, { prefix_rewrite: "/new" }, "/old?q", "/new?q"],
    [
      { prefix: "/" },
      { regex_rewrite: { pattern: { regex: "^/service/([^/]+)(/.*)$" }, substitution: "\\2/instance/\\1" } },
      "/service/foo/v1/api?a=/service/x/y",
      "/v1/api/instance/foo?a=/service/x/y",
    ],
  ])("rewrites %j by %j", (match, rewrite, from, to) => {
    const { rewritePath } = forward(oneHost([{ match, route: { cluster: "c", ...rewrite } }]), head(from));
    expect(rewritePath?.(from)).toBe(to);
  });

  it.each([
    [{ https_redirect: true }, "http", "a:80", "https://a/p?q"],
    [{ https_redirect: true }, "http", "a:8080", "https://a:8080/p?q"],
    [{ host_redirect: "b" }, "http", "a:80", "http://b/p?q"],
    [{ port_redirect: 9000 }, "http", "a:80", "http://a:9000/p?q"],
    [{ path_redirect: "/new" }, "http", "a", "http://a/new?q"],
    [{ path_redirect: "/new?own" }, "http", "a", "http://a/new?own"],
    [{ path_redirect: "/new", strip_query: true }, "http", "a", "http://a/new"],
    [{ prefix_rewrite: "/x" }, "https", "a", "https://a/xp?q"],
    [{ strip_query: true }, "https", "a", "https://a/p"],
  ] as const)("redirects by %j from %s://%s", (redirect, scheme, authority, expected) => {
    const request = head("/p?q", { authority });
    request.scheme = scheme;
    const { action } = only(oneHost([{ match: { prefix: "/" }, redirect }]), request);
    expect(action.kind === "redirect" && [action.status, action.location(request)]).toEqual([301, expected]);
  });

  it("orders header changes from the route outwards, or inwards where the table says so", () => {
    const add = (value: string) => ({ request_headers_to_add: [{ header: { key: "X-A", value } }] });
    const config = (more: Record<string, JsonValue>) => ({
      ...oneHost([{ match: { prefix: "/" }, route: { cluster: "c" }, ...add("route") }], add("host")),
      ...add("table"),
      ...more,
    });
    const order = (json: JsonValue) =>
      only(json).requestHeaders.flatMap((m) => m.add.map(({ value }) => value));
    expect(order(config({}))).toEqual(["route", "host", "table"]);
    expect(order(config({ most_specific_header_mutations_wins: true }))).toEqual(["table", "host", "route"]);
  });

  it("computes header values and reads append actions", () => {
    const [mutation] = only(
      oneHost([
        {
          match: { prefix: "/" },
          route: { cluster: "c" },
          response_headers_to_add: [
            {
              header: { key: "a", value: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%" },
              append_action: "OVERWRITE_IF_EXISTS_OR_ADD",
            },
            { header: { key: "b", value: "1" }, append: false },
            { header: { key: "c", value: "" }, keep_empty_value: true, append_action: "ADD_IF_ABSENT" },
          ],
          response_headers_to_remove: ["X-Old"],
        },
      ]),
    ).responseHeaders;
    const [first, second, third] = mutation?.add ?? [];
    expect(typeof first?.value === "function" && first.value(info)).toBe("10.0.0.1");
    expect([first?.action, second?.action, third?.action]).toEqual([
      "overwrite",
      "overwrite",
      "add-if-absent",
    ]);
    expect(third?.keepEmpty).toBe(true);
    expect(mutation?.remove).toEqual(["x-old"]);
  });

  it("hashes by header, then source address, ending at a terminal policy", () => {
    const { hash } = forward(
      oneHost([
        {
          match: { prefix: "/" },
          route: {
            cluster: "c",
            hash_policy: [
              { header: { header_name: "x-user" }, terminal: true },
              { connection_properties: { source_ip: true } },
            ],
          },
        },
      ]),
    );
    const of = (...headers: string[]) => hash?.(head("/", { headers }), info);
    expect(of("x-user", "a")).toBe(of("x-user", "a"));
    expect(of("x-user", "a")).not.toBe(of("x-user", "b"));
    expect(of()).toBeDefined();
  });

  it("sends requests without TLS away where it is required", () => {
    const json = oneHost([{ match: { prefix: "/" }, route: { cluster: "c" } }], { require_tls: "ALL" });
    const { action } = only(json, head("/p"));
    expect(action.kind === "redirect" && action.location(head("/p", { authority: "a" }))).toBe("https://a/p");
    const secure = head("/p");
    secure.scheme = "https";
    expect(only(json, secure).action.kind).toBe("forward");
  });

  it("merges per-filter configuration, the most specific last", () => {
    const fault = (status: number) => ({
      "envoy.filters.http.fault": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
        abort: { http_status: status, percentage: { numerator: 100 } },
      },
    });
    const route = only(
      oneHost([{ match: { prefix: "/" }, route: { cluster: "c" }, typed_per_filter_config: fault(418) }], {
        typed_per_filter_config: fault(500),
      }),
    );
    expect(route.filterConfig.get("envoy.filters.http.fault")).toMatchObject({
      abort: { status: { http: 418 } },
    });
  });

  it.each<[string, JsonValue, string, string]>([
    [
      "a regex that RE2 refuses",
      oneHost([{ match: { safe_regex: { regex: "a(?=b)" } }, route: { cluster: "c" } }]),
      "virtual_hosts[0].routes[0]",
      "is not valid in RE2",
    ],
    [
      "a domain in two virtual hosts",
      {
        virtual_hosts: [
          { name: "a", domains: ["x"] },
          { name: "b", domains: ["X"] },
        ],
      },
      "virtual_hosts",
      'domain "x" is given twice',
    ],
    [
      "a field that is not implemented",
      oneHost([{ match: { prefix: "/" }, route: { cluster: "c", internal_redirect_policy: {} } }]),
      "virtual_hosts[0].routes[0].route.internal_redirect_policy",
      "does not implement this field",
    ],
    [
      "weights that come to nothing",
      oneHost([
        { match: { prefix: "/" }, route: { weighted_clusters: { clusters: [{ name: "a", weight: 0 }] } } },
      ]),
      "virtual_hosts[0].routes[0].route.weighted_clusters",
      "the sum of the weights is 0",
    ],
    [
      "an operator that is not known",
      oneHost([
        {
          match: { prefix: "/" },
          route: { cluster: "c" },
          request_headers_to_add: [{ header: { key: "a", value: "%WHAT%" } }],
        },
      ]),
      "virtual_hosts[0].routes[0].request_headers_to_add[0].header.value",
      "%WHAT%",
    ],
    [
      "per-filter configuration of an unknown type",
      oneHost([
        {
          match: { prefix: "/" },
          route: { cluster: "c" },
          typed_per_filter_config: { x: { "@type": "type.googleapis.com/google.protobuf.Empty" } },
        },
      ]),
      "virtual_hosts[0].routes[0].typed_per_filter_config.x",
      "didn't find a registered implementation for 'x' with type URL: 'google.protobuf.Empty'",
    ],
  ])("refuses %s", (_name, json, path, message) => {
    const { value, problems } = compile(json);
    expect(value).toBeUndefined();
    expect(problems.filter(({ severity }) => severity === "error")).toEqual([
      expect.objectContaining({ path, message: expect.stringContaining(message) }),
    ]);
  });

  it("tells of fields that it takes without effect", () => {
    const { value, problems } = compile({ name: "r", validate_clusters: true });
    expect(value).toBeDefined();
    expect(problems).toMatchObject([{ severity: "warning", path: "validate_clusters" }]);
  });
});
