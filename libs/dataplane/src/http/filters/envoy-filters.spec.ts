import type { Socket } from "node:net";
import type { JsonValue } from "@bufbuild/protobuf";
import { describeWithPeer } from "@weft/testkit";
import {
  extension,
  httpListenerChain,
  normalizeResponse,
  type ParityConfig,
  startBoth,
  staticCluster,
  typed,
} from "../../oracle/testing/parity.ts";
import { exchange, startUpstream, type TestUpstream } from "../fixtures.ts";

/** Filters and routes, the requests sent one after the other, and the statistics that must agree in the end. */
interface Case {
  readonly filters: readonly JsonValue[];
  readonly routes: readonly JsonValue[];
  readonly host?: Readonly<Record<string, JsonValue>>;
  readonly requests: readonly string[];
  readonly stats: RegExp;
}

const request = (path: string, headers: readonly string[] = [], method = "GET", body = "") =>
  `${[`${method} ${path} HTTP/1.1`, "Host: a", ...headers].join("\r\n")}\r\n\r\n${body}`;

const always = { default_value: { numerator: 100 } };
const localRateLimitType = "extensions.filters.http.local_ratelimit.v3.LocalRateLimit";
const bucket = (maxTokens: number) => ({ max_tokens: maxTokens, tokens_per_fill: 1, fill_interval: "3600s" });
const forward = (path: string, more: object = {}, route: object = {}): JsonValue =>
  ({ match: { prefix: path }, route: { cluster: "up", ...route }, ...more }) as JsonValue;

const staticCases: Readonly<Record<string, Case>> = {
  local_ratelimit: {
    filters: [extension("envoy.filters.http.local_ratelimit", localRateLimitType, { stat_prefix: "off" })],
    routes: [
      forward("/two", {
        typed_per_filter_config: {
          "envoy.filters.http.local_ratelimit": typed(localRateLimitType, {
            stat_prefix: "two",
            token_bucket: bucket(2),
            filter_enabled: always,
            filter_enforced: always,
            enable_x_ratelimit_headers: "DRAFT_VERSION_03",
            response_headers_to_add: [{ header: { key: "x-limited", value: "yes" } }],
          }),
        },
      }),
      forward("/watched", {
        typed_per_filter_config: {
          "envoy.filters.http.local_ratelimit": typed(localRateLimitType, {
            stat_prefix: "watched",
            token_bucket: bucket(1),
            status: { code: "Forbidden" },
            filter_enabled: always,
            request_headers_to_add_when_not_enforced: [{ header: { key: "x-over", value: "yes" } }],
          }),
        },
      }),
      forward(
        "/described",
        {
          typed_per_filter_config: {
            "envoy.filters.http.local_ratelimit": typed(localRateLimitType, {
              stat_prefix: "described",
              token_bucket: bucket(4),
              filter_enabled: always,
              filter_enforced: always,
              rate_limited_as_resource_exhausted: true,
              descriptors: [
                {
                  entries: [
                    { key: "who", value: "ann" },
                    { key: "source_cluster", value: "parity-cluster" },
                  ],
                  token_bucket: bucket(1),
                },
                { entries: [{ key: "header_match", value: "post" }], token_bucket: bucket(1) },
                { entries: [{ key: "query_match", value: "slow" }], token_bucket: bucket(1) },
                {
                  entries: [{ key: "masked_remote_address", value: "127.0.0.0/16" }],
                  token_bucket: bucket(5),
                },
              ],
            }),
          },
        },
        {
          rate_limits: [
            {
              actions: [
                { request_headers: { header_name: "x-who", descriptor_key: "who" } },
                { source_cluster: {} },
              ],
            },
            {
              actions: [
                {
                  header_value_match: {
                    descriptor_value: "post",
                    headers: [{ name: ":method", string_match: { exact: "POST" } }],
                  },
                },
              ],
            },
            {
              actions: [
                {
                  query_parameter_value_match: {
                    descriptor_value: "slow",
                    query_parameters: [{ name: "slow", present_match: true }],
                  },
                },
              ],
            },
            { actions: [{ masked_remote_address: { v4_prefix_mask_len: 16 } }] },
          ],
        },
      ),
      forward("/"),
    ],
    requests: [
      request("/"),
      ...[1, 2, 3].map(() => request("/two")),
      ...[1, 2].map(() => request("/watched")),
      ...["ann", "ann", "bob"].map((who) => request("/described", [`x-who: ${who}`])),
      request("/described?slow"),
      request("/described?slow"),
      request("/described", ["content-type: application/grpc", "content-length: 0"], "POST"),
      request("/described", ["content-type: application/grpc", "content-length: 0"], "POST"),
      request("/described"),
    ],
    stats: /http_local_rate_limit/,
  },
};

const headerMutationType = "extensions.filters.http.header_mutation.v3.HeaderMutation";
const append = (key: string, value: string) => ({
  append: { header: { key, value }, append_action: "APPEND_IF_EXISTS_OR_ADD" },
});
const csrfType = "extensions.filters.http.csrf.v3.CsrfPolicy";
const chunked = (body: string) => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;

Object.assign(staticCases, {
  header_mutation: {
    filters: [
      extension("envoy.filters.http.header_mutation", headerMutationType, {
        mutations: {
          request_mutations: [append("x-a", "filter %REQ(:path)%"), { remove: "x-secret" }],
          response_mutations: [append("x-r", "filter")],
        },
      }),
    ],
    routes: [
      forward("/more", {
        typed_per_filter_config: {
          "envoy.filters.http.header_mutation": typed(`${headerMutationType}PerRoute`, {
            mutations: {
              request_mutations: [append("x-a", "route")],
              response_mutations: [{ remove: "x-r" }, append("x-s", "route")],
            },
          }),
        },
      }),
      forward("/"),
    ],
    requests: [request("/", ["x-secret: 1", "x-a: mine"]), request("/more")],
    stats: /^none/,
  },
  csrf: {
    filters: [
      extension("envoy.filters.http.csrf", csrfType, {
        filter_enabled: always,
        additional_origins: [{ suffix: ".friend.example" }],
      }),
    ],
    routes: [
      forward("/shadow", {
        typed_per_filter_config: {
          "envoy.filters.http.csrf": typed(csrfType, {
            filter_enabled: { default_value: { numerator: 0 } },
            shadow_enabled: always,
          }),
        },
      }),
      forward("/"),
    ],
    requests: [
      request("/"),
      ...[[], ["origin: http://a"], ["origin: https://b"], ["origin: http://x.friend.example"]].map(
        (headers) => request("/", ["content-length: 0", ...headers], "POST"),
      ),
      request("/", ["content-length: 0", "origin: null", "referer: http://a/page?x"], "PUT"),
      request("/shadow", ["content-length: 0", "origin: http://b"], "DELETE"),
    ],
    stats: /^http\.csrf\.csrf\./,
  },
  buffer: {
    filters: [
      extension("envoy.filters.http.buffer", "extensions.filters.http.buffer.v3.Buffer", {
        max_request_bytes: 5,
      }),
    ],
    routes: [
      forward("/off", {
        typed_per_filter_config: {
          "envoy.filters.http.buffer": typed("extensions.filters.http.buffer.v3.BufferPerRoute", {
            disabled: true,
          }),
        },
      }),
      forward("/more", {
        typed_per_filter_config: {
          "envoy.filters.http.buffer": typed("extensions.filters.http.buffer.v3.BufferPerRoute", {
            buffer: { max_request_bytes: 10 },
          }),
        },
      }),
      forward("/"),
    ],
    requests: [
      request("/"),
      request("/", ["content-length: 5"], "POST", "12345"),
      request("/", ["transfer-encoding: chunked"], "POST", chunked("1234")),
      request("/more", ["content-length: 6"], "POST", "123456"),
    ],
    stats: /^none/,
  },
  switched: {
    filters: [
      {
        ...(extension("on", headerMutationType, {
          mutations: { response_mutations: [append("x-r", "on")] },
        }) as object),
      },
      {
        ...(extension("off", headerMutationType, {
          mutations: { response_mutations: [append("x-r", "off")] },
        }) as object),
        disabled: true,
      },
    ],
    routes: [
      forward("/both", {
        typed_per_filter_config: { off: typed("config.route.v3.FilterConfig", { config: {} }) },
      }),
      forward("/none", {
        typed_per_filter_config: { on: typed("config.route.v3.FilterConfig", { disabled: true }) },
      }),
      forward("/configured", {
        typed_per_filter_config: {
          off: typed(`${headerMutationType}PerRoute`, {
            mutations: { response_mutations: [append("x-r", "route")] },
          }),
        },
      }),
      forward("/"),
    ],
    requests: [request("/"), request("/none"), request("/configured"), request("/both")],
    stats: /^none/,
  },
  health_check: {
    filters: [
      extension("envoy.filters.http.health_check", "extensions.filters.http.health_check.v3.HealthCheck", {
        pass_through_mode: false,
        headers: [{ name: ":path", string_match: { exact: "/healthz" } }],
        cluster_min_healthy_percentages: { up: { value: 50 } },
      }),
      extension("envoy.filters.http.health_check", "extensions.filters.http.health_check.v3.HealthCheck", {
        pass_through_mode: false,
        headers: [{ name: ":path", string_match: { exact: "/missing" } }],
        cluster_min_healthy_percentages: { missing: { value: 50 } },
      }),
    ],
    routes: [forward("/")],
    requests: [request("/healthz"), request("/other"), request("/missing")],
    stats: /^none/,
  },
} satisfies Record<string, Case>);

const dnsCache = { name: "parity", dns_lookup_family: "V4_ONLY" };

/** A forward proxy: where requests go is for them to say. */
const forwardProxy = (port: number): Case => ({
  filters: [
    extension(
      "envoy.filters.http.dynamic_forward_proxy",
      "extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig",
      { dns_cache_config: dnsCache },
    ),
  ],
  routes: [
    {
      match: { prefix: "/rewritten" },
      route: { cluster: "forward" },
      typed_per_filter_config: {
        "envoy.filters.http.dynamic_forward_proxy": typed(
          "extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig",
          { host_rewrite_literal: `localhost:${port}` },
        ),
      },
    },
    { match: { prefix: "/" }, route: { cluster: "forward" } },
  ],
  requests: [
    ...[`localhost:${port}`, `localhost:${port}`, `127.0.0.1:${port}`, "no-such-host.invalid"].map(
      (host) => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    ),
    request("/rewritten"),
  ],
  stats: /^dns_cache\.parity\.(host_|num_hosts)/,
});

const forwardCluster: JsonValue = {
  name: "forward",
  connect_timeout: "1s",
  lb_policy: "CLUSTER_PROVIDED",
  cluster_type: extension(
    "envoy.clusters.dynamic_forward_proxy",
    "extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig",
    { dns_cache_config: dnsCache },
  ),
};

/** Answers with the request's head, headers in one order. */
function echo(socket: Socket, received: string): void {
  const start = received.lastIndexOf("\r\n", received.lastIndexOf(" HTTP/1.1\r\n")) + 1;
  const text = received.slice(start).trim();
  if (!received.slice(start).includes("\r\n\r\n")) return;
  const [first = "", ...lines] = text.split("\r\n");
  const body = [first, ...lines.filter((line) => !/^(x-request-id|x-envoy-expected)/.test(line)).sort()].join(
    "\n",
  );
  socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
}

describeWithPeer("envoy", "HTTP filters beside real Envoy, with the same configuration", (envoy) => {
  let upstream: TestUpstream;
  let cases: Readonly<Record<string, Case>> = {};
  let both: Awaited<ReturnType<typeof startBoth>>;

  beforeAll(async () => {
    upstream = await startUpstream(echo);
    cases = { ...staticCases, dynamic_forward_proxy: forwardProxy(upstream.port) };
    const config: ParityConfig = {
      listeners: Object.fromEntries(
        Object.entries(cases).map(([name, { filters, routes, host }]) => [
          name,
          { filter_chains: [httpListenerChain(name, filters, routes, host === undefined ? {} : { host })] },
        ]),
      ),
      clusters: [staticCluster("up", [upstream.port]), forwardCluster],
    };
    both = await startBoth(envoy, () => config);
  }, 20_000);

  afterAll(async () => {
    await both?.close();
    await upstream?.close();
  });

  it.each([...Object.keys(staticCases), "dynamic_forward_proxy"])("%s", async (name) => {
    const { requests, stats } = cases[name] as Case; // by the keys above
    for (const one of requests) {
      const [weft, peer] = await Promise.all(
        [both.weft, both.envoy].map((side) => exchange(side.port(name), one)),
      );
      expect({ request: one, response: normalizeResponse(weft ?? "") }).toEqual({
        request: one,
        response: normalizeResponse(peer ?? ""),
      });
    }
    expect(await both.weft.stats(stats)).toEqual(await both.envoy.stats(stats));
  });
});
