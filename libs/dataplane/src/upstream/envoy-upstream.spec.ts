import { once } from "node:events";
import { createServer, type Server } from "node:net";
import type { JsonValue } from "@bufbuild/protobuf";
import { describeWithPeer } from "@weft/testkit";
import { exchange, response } from "../http/fixtures.ts";
import {
  extension,
  httpListenerChain,
  normalizeResponse,
  type ParitySide,
  startBoth,
  staticCluster,
} from "../oracle/testing/parity.ts";
import { loopback } from "../testing.ts";

/** An upstream that answers with its number, or as its path says; the header of the PROXY protocol it tells, too. */
async function startNumbered(number: number): Promise<Server> {
  const server = createServer((socket) => {
    let received = "";
    let proxy = "";
    socket.on("error", () => {}); // clients go when they have seen enough
    socket.on("data", (bytes) => {
      received += bytes.toString("latin1");
      const line = /^PROXY [^\r]*\r\n/.exec(received)?.[0];
      if (line !== undefined) {
        // Ports are never the same.
        proxy = line.trim().replace(/\d+ \d+$/, "P P");
        received = received.slice(line.length);
      }
      if (!received.endsWith("\r\n\r\n")) return;
      const [, path = ""] = received.split(" ");
      received = "";
      const status = Number(/status=(\d+)/.exec(path)?.[1] ?? 200);
      const failing = /fail=(\d)/.exec(path)?.[1];
      const headers = path.includes("limited") ? ["retry-after: 1", "x-envoy-ratelimited: 1"] : [];
      if (path.startsWith("/hang")) return;
      socket.write(response(failing?.includes(String(number)) ? 503 : status, `${number} ${proxy}`, headers));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const get = (path: string, headers: readonly string[] = []) =>
  `${[`GET ${path} HTTP/1.1`, "Host: a", ...headers].join("\r\n")}\r\n\r\n`;

const proxyProtocol = (version: string): JsonValue =>
  extension(
    "envoy.transport_sockets.upstream_proxy_protocol",
    "extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport",
    {
      config: { version },
      transport_socket: extension(
        "envoy.transport_sockets.raw_buffer",
        "extensions.transport_sockets.raw_buffer.v3.RawBuffer",
      ),
    },
  );

describeWithPeer("envoy", "clusters beside real Envoy, with the same configuration", (envoy) => {
  const servers: Server[] = [];
  let both: Awaited<ReturnType<typeof startBoth>>;

  beforeAll(async () => {
    for (const number of [0, 1, 2, 3, 4]) servers.push(await startNumbered(number));
    const ports = servers.map((server) => (server.address() as { port: number }).port); // they listen on TCP
    const hashed = (name: string, config: object) => staticCluster(name, ports, config);
    const priorities = {
      name: "priorities",
      type: "STATIC",
      connect_timeout: "1s",
      load_assignment: {
        cluster_name: "priorities",
        endpoints: ports.slice(0, 3).map((port, priority) => ({
          priority,
          lb_endpoints: [
            {
              endpoint: { address: loopback(port) },
              metadata: { filter_metadata: { "envoy.lb": { canary: priority === 1 } } },
            },
          ],
        })),
      },
    };
    const route = (path: string, cluster: string, more: object = {}): JsonValue =>
      ({ match: { prefix: path }, route: { cluster, timeout: "2s", ...more } }) as JsonValue;
    const hashPolicy = [{ header: { header_name: "x-user" } }, { query_parameter: { name: "q" } }];
    const retry = (more: object) => ({
      retry_policy: { retry_on: "5xx", num_retries: 4, retry_back_off: { base_interval: "0.001s" }, ...more },
    });
    both = await startBoth(envoy, () => ({
      listeners: {
        http: {
          filter_chains: [
            httpListenerChain(
              "http",
              [],
              [
                route("/ring", "ring", { hash_policy: hashPolicy }),
                route("/maglev", "maglev", { hash_policy: hashPolicy }),
                route("/cookie", "ring", {
                  hash_policy: [
                    {
                      cookie: {
                        name: "sticky",
                        ttl: "60s",
                        path: "/",
                        attributes: [{ name: "SameSite", value: "Lax" }, { name: "Secure" }],
                      },
                    },
                  ],
                }),
                route("/session", "ring", { hash_policy: [{ cookie: { name: "sticky", ttl: "0s" } }] }),
                route(
                  "/previous",
                  "priorities",
                  retry({
                    retry_priority: extension(
                      "envoy.retry_priorities.previous_priorities",
                      "extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                      { update_frequency: 1 },
                    ),
                  }),
                ),
                route("/limited", "one", {
                  retry_policy: {
                    retry_on: "envoy-ratelimited",
                    num_retries: 1,
                    rate_limited_retry_back_off: {
                      reset_headers: [{ name: "retry-after", format: "SECONDS" }],
                    },
                  },
                }),
                route(
                  "/only-safe",
                  "one",
                  retry({
                    retriable_request_headers: [{ name: "x-safe", present_match: true }],
                  }),
                ),
                route("/hang", "one", retry({ num_retries: 1, per_try_idle_timeout: "0.1s" })),
                route("/proxied", "proxied"),
                route("/subset", "subsets", {
                  metadata_match: { filter_metadata: { "envoy.lb": { n: "2" } } },
                }),
                route("/no-subset", "subsets", {
                  metadata_match: { filter_metadata: { "envoy.lb": { n: "9" } } },
                }),
              ],
            ),
          ],
        },
      },
      clusters: [
        hashed("ring", { lb_policy: "RING_HASH", ring_hash_lb_config: { minimum_ring_size: 64 } }),
        hashed("maglev", { lb_policy: "MAGLEV", maglev_lb_config: { table_size: 251 } }),
        priorities,
        staticCluster("one", [ports[0] ?? 0]),
        staticCluster("proxied", [ports[0] ?? 0], { transport_socket: proxyProtocol("V1") }),
        {
          name: "subsets",
          type: "STATIC",
          connect_timeout: "1s",
          lb_subset_config: { fallback_policy: "NO_FALLBACK", subset_selectors: [{ keys: ["n"] }] },
          load_assignment: {
            cluster_name: "subsets",
            endpoints: [
              {
                lb_endpoints: ports.map((port, n) => ({
                  endpoint: { address: loopback(port) },
                  metadata: { filter_metadata: { "envoy.lb": { n: String(n) } } },
                })),
              },
            ],
          },
        },
      ],
    }));
  }, 20_000);

  afterAll(async () => {
    await both?.close();
    for (const server of servers) server.close();
  });

  const ask = async (side: ParitySide, request: string) =>
    normalizeResponse(await exchange(side.port("http"), request)).replace(/(sticky=")[0-9a-f]{16}/, "$1HASH");
  const alike = async (request: string) => {
    const [weft, peer] = await Promise.all([ask(both.weft, request), ask(both.envoy, request)]);
    expect({ request, answer: weft }).toEqual({ request, answer: peer });
    return weft;
  };
  const sameStats = async (pattern: RegExp) =>
    expect(await both.weft.stats(pattern)).toEqual(await both.envoy.stats(pattern));

  it.each(["/ring", "/maglev"])("%s: the same user gets the same host from both", async (path) => {
    const hosts = new Set<string>();
    for (let user = 0; user < 20; user++) {
      const answer = await alike(get(`${path}?q=${user % 3}`, [`x-user: user-${user}`]));
      hosts.add(answer.slice(answer.lastIndexOf("\n") + 1));
    }
    expect(hosts.size).toBeGreaterThan(2);
  });

  it.each([
    ["a cookie that is there", get("/cookie", ["cookie: a=b; sticky=abc"])],
    ["a cookie for a session", get("/session", ['cookie: sticky="abc"'])],
    ["another try in other priorities", get("/previous?fail=0")],
    ["two more tries in other priorities", get("/previous?fail=01")],
    ["no try that helps", get("/previous?fail=012")],
    ["a limit of the upstream", get("/limited?status=429")],
    ["a request that is not to be tried again", get("/only-safe?status=503")],
    ["a request that may be tried again", get("/only-safe?status=503", ["x-safe: 1"])],
    ["an upstream that hangs", get("/hang")],
    ["the PROXY protocol", get("/proxied")],
    ["a subset", get("/subset")],
    ["a subset without hosts", get("/no-subset")],
  ])("answers alike: %s", async (_what, request) => {
    await alike(request);
  });

  it.each(["/cookie", "/session"])("makes the cookie that keeps a client on its host: %s", async (path) => {
    const cookies = await Promise.all(
      [both.weft, both.envoy].map(async (side) => /set-cookie: .*/.exec(await ask(side, get(path)))?.[0]),
    );
    expect(cookies[0]).toBe(cookies[1]);
  });

  it("counts alike", async () => {
    await sameStats(
      /^cluster\.(one|priorities|subsets)\.(upstream_rq_(retry|total|per_try_idle|[0-9])|upstream_cx_none_healthy|lb_subsets_(selected|fallback))/,
    );
  });
});
