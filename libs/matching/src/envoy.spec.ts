import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Child, describeWithPeer, freePorts, type JsonRecord, startChild } from "@weft/testkit";
import {
  compileDomains,
  compileRoute,
  type HeaderMatch,
  type HeaderValueMatch,
  type PathMatch,
  type QueryMatch,
  type RequestView,
  type RouteMatch,
  type StringMatch,
} from "./index.ts";

const strings: readonly StringMatch[] = [
  ...(["exact", "prefix", "suffix", "contains"] as const).flatMap((kind) => [
    { kind, value: "jason" },
    { kind, value: "Jas", ignoreCase: true },
    { kind, value: "n" },
  ]),
  { kind: "exact", value: "" },
  { kind: "regex", pattern: "j.*n" },
  { kind: "regex", pattern: "(?i)JASON" },
  { kind: "regex", pattern: "1?|j.*" },
];
const values: readonly HeaderValueMatch[] = [
  ...strings.map((match): HeaderValueMatch => ({ kind: "string", match })),
  { kind: "range", start: -5, end: 15 },
  { kind: "range", start: 15, end: 9_007_199_254_740_993n },
  { kind: "present", present: true },
  { kind: "present", present: false },
];
const headers = values.flatMap((value): HeaderMatch[] =>
  [false, true].flatMap((invert) =>
    [false, true].map((treatMissingAsEmpty) => ({ name: "X-Test", value, invert, treatMissingAsEmpty })),
  ),
);
const queries: readonly QueryMatch[] = [
  ...strings.map((match): QueryMatch => ({ name: "v", value: { kind: "string", match } })),
  { name: "v", value: { kind: "present", present: true } },
  { name: "v", value: { kind: "present", present: false } },
];
const paths: readonly PathMatch[] = [
  ...(["exact", "prefix", "path-separated-prefix"] as const).flatMap((kind) =>
    ["/api", "/API", "/api/v1"].flatMap((value) =>
      [false, true].map((ignoreCase) => ({ kind, value, ignoreCase })),
    ),
  ),
  { kind: "regex", pattern: "/api/v[0-9]+" },
  { kind: "regex", pattern: ".*" },
  { kind: "regex", pattern: "/api.+" },
];
const matches: readonly RouteMatch[] = [
  ...headers.map((header) => ({ headers: [header] })),
  ...queries.map((query) => ({ query: [query] })),
  ...paths.map((path) => ({ path })),
  { grpc: true },
];

const headerSets: readonly Readonly<Record<string, string>>[] = [
  {},
  ...["", "jason", "Jason", "jasonn", "n", "1", "15", "-5", "14", "1.5", "9007199254740992", "j,n"].map(
    (value) => ({ "x-test": value }),
  ),
  ...["application/grpc", "application/grpc+proto", "application/grpc-web"].map((type) => ({
    "content-type": type,
  })),
];
const targets = [
  "",
  "?",
  "?v",
  "?v=",
  "?v=jason",
  "?v=x&v=jason",
  "?w=jason&v=Jason",
  "?V=jason",
  "?vv=n",
  "?v=%6Aason",
]
  .map((query) => `/p${query}`)
  .concat([
    "/api",
    "/api/",
    "/API",
    "/apix",
    "/api/v1",
    "/API/V1",
    "/api/v1/x",
    "/api/v12",
    "/api?x",
    "/api/v1?x",
    "/",
  ]);

const domains = [
  "www.foo.com",
  "*.foo.com",
  "*-bar.foo.com",
  "foo.*",
  "foo-*",
  "a.foo.com:8080",
  "UPPER.com",
  "[::1]",
  "*",
];
const hosts = [
  "www.foo.com",
  "WWW.foo.com",
  "a.foo.com",
  "x-bar.foo.com",
  ".foo.com",
  "foo.com",
  "foo.",
  "foo-x",
  "a.foo.com:8080",
  "www.foo.com:80",
  "upper.com",
  "upper.com:1",
  "[::1]:80",
  "[::1]",
  "other",
];

describeWithPeer("envoy", "what Envoy decides", (envoy) => {
  const folder = mkdtempSync(join(tmpdir(), "weft-matching-"));
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  let child: Child;
  let ports: readonly number[];

  beforeAll(async () => {
    ports = await freePorts(3);
    const [matching = 0, exact = 0, ignoring = 0] = ports;
    const virtualHosts = matches.map((match, index) => virtualHost(`m${index}`, toRouteMatch(match)));
    const byDomain = domains.map((domain) => virtualHost(domain, { prefix: "/" }));
    const listeners = [
      listener(matching, { virtual_hosts: virtualHosts }),
      listener(exact, { virtual_hosts: byDomain }),
      listener(ignoring, { virtual_hosts: byDomain, ignore_port_in_host_matching: true }),
    ];
    const file = join(folder, "envoy.json");
    writeFileSync(file, JSON.stringify({ static_resources: { listeners } }));
    child = await startChild(envoy, {
      args: ["-c", file, "--concurrency", "1", "--disable-hot-restart", "-l", "info"],
      ready: /starting main dispatch loop/,
    });
  });
  afterAll(async () => {
    agent.destroy();
    await child?.stop();
    rmSync(folder, { recursive: true });
  });

  /** The name of the virtual host whose route took the request, or the status where none did. */
  const ask = (port: number, path: string, host: string, given: Readonly<Record<string, string>> = {}) =>
    new Promise<string>((resolve, reject) => {
      const request = get({ port, path, agent, headers: { ...given, host } }, (response) => {
        response.resume();
        response.on("end", () => resolve(String(response.headers["x-found"] ?? response.statusCode)));
      });
      request.on("error", reject);
    });

  it("is what compileRoute() decides", async () => {
    const [port = 0] = ports;
    const requests = [
      ...headerSets.map((given) => ({ path: "/p", given })),
      ...targets.map((path) => ({ path, given: {} as Readonly<Record<string, string>> })),
    ];
    const differences: unknown[] = [];
    await Promise.all(
      matches.map(async (match, index) => {
        const test = compileRoute(match);
        for (const { path, given } of requests) {
          const host = `m${index}`;
          const ours = test(view(path, host, given), 0);
          const theirs = (await ask(port, path, host, given)) === host;
          if (ours !== theirs) differences.push({ match, path, given, ours, theirs });
        }
      }),
    );
    expect(differences).toEqual([]);
  }, 30_000);

  it.each([
    [1, false],
    [2, true],
  ])("is what compileDomains() finds (listener %i, ignorePort %s)", async (index, ignorePort) => {
    const port = ports[index] ?? 0;
    const find = compileDomains(
      domains.map((domain) => ({ domains: [domain], value: domain })),
      { ignorePort },
    );
    const theirs = await Promise.all(hosts.map((host) => ask(port, "/", host)));
    expect(hosts.map((host) => [host, find(host)])).toEqual(hosts.map((host, at) => [host, theirs[at]]));
  });
});

function view(path: string, authority: string, headers: Readonly<Record<string, string>>): RequestView {
  return { method: "GET", path, authority, header: (name) => headers[name] };
}

function virtualHost(domain: string, match: JsonRecord): JsonRecord {
  const found = [{ header: { key: "x-found", value: domain } }];
  const route = { match, direct_response: { status: 200 }, response_headers_to_add: found };
  return { name: domain, domains: [domain], routes: [route] };
}

function listener(port: number, routes: JsonRecord): JsonRecord {
  const type = "type.googleapis.com/envoy.extensions.filters";
  const manager = {
    "@type": `${type}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "s",
    route_config: routes,
    http_filters: [{ name: "router", typed_config: { "@type": `${type}.http.router.v3.Router` } }],
  };
  return {
    name: String(port),
    address: { socket_address: { address: "127.0.0.1", port_value: port } },
    filter_chains: [{ filters: [{ name: "hcm", typed_config: manager }] }],
  };
}

function toRouteMatch({ path, headers: of = [], query = [], grpc }: RouteMatch): JsonRecord {
  return {
    ...toPath(path),
    headers: of.map(({ name, value, invert, treatMissingAsEmpty }) => ({
      name,
      ...toValue(value),
      invert_match: invert,
      treat_missing_header_as_empty: treatMissingAsEmpty,
    })),
    query_parameters: query.map(({ name, value }) => ({ name, ...toValue(value) })),
    ...(grpc === true && { grpc: {} }),
  };
}

function toPath(path: PathMatch | undefined): JsonRecord {
  if (path === undefined) return { prefix: "/" };
  if (path.kind === "regex") return { safe_regex: { regex: path.pattern } };
  const field = { exact: "path", prefix: "prefix", "path-separated-prefix": "path_separated_prefix" }[
    path.kind
  ];
  return { [field]: path.value, case_sensitive: path.ignoreCase !== true };
}

function toValue(value: HeaderValueMatch): JsonRecord {
  switch (value.kind) {
    case "present":
      return { present_match: value.present };
    case "range":
      return { range_match: { start: String(value.start), end: String(value.end) } };
    case "string": {
      const { match } = value;
      if (match.kind === "regex") return { string_match: { safe_regex: { regex: match.pattern } } };
      return { string_match: { [match.kind]: match.value, ignore_case: match.ignoreCase === true } };
    }
  }
}
