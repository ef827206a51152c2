import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { JsonValue } from "@bufbuild/protobuf";
import { describeWithPeer, freePort } from "@weft/testkit";
import { extension, type ParitySide, startBoth, staticCluster } from "../oracle/testing/parity.ts";

const tcpProxy = (statPrefix: string, cluster: string, more: object = {}) =>
  extension("envoy.filters.network.tcp_proxy", "extensions.filters.network.tcp_proxy.v3.TcpProxy", {
    stat_prefix: statPrefix,
    cluster,
    ...more,
  });
const chain = (...filters: readonly JsonValue[]) => ({ filter_chains: [{ filters: [...filters] }] });
const network = (name: string, type: string, config: object) =>
  extension(`envoy.filters.network.${name}`, `extensions.filters.network.${name}.v3.${type}`, config);
const proxyProtocol = (config: object = {}) =>
  extension(
    "envoy.filters.listener.proxy_protocol",
    "extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
    config,
  );

/** Sends text, and gives what comes back until the other side closes, or `expected` bytes are there. */
async function talk(
  port: number,
  text: string | Buffer,
  expected = Number.POSITIVE_INFINITY,
): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {}); // a reset is an answer, too
  socket.write(text);
  let received = "";
  await new Promise<void>((resolve) => {
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      if (received.length >= expected) resolve();
    });
    socket.once("close", () => resolve());
  });
  socket.destroy();
  return received;
}

describeWithPeer("envoy", "TCP filters beside real Envoy, with the same configuration", (envoy) => {
  const sockets = new Set<Socket>();
  // Answers with what it gets.
  const upstream = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    socket.pipe(socket);
  });
  let both: Awaited<ReturnType<typeof startBoth>>;

  beforeAll(async () => {
    upstream.listen(0, "127.0.0.1");
    await once(upstream, "listening");
    const { port } = upstream.address() as { port: number }; // it listens on TCP
    const down = await freePort();
    both = await startBoth(envoy, () => ({
      listeners: {
        limit: chain(
          network("connection_limit", "ConnectionLimit", { stat_prefix: "limit", max_connections: 1 }),
          tcpProxy("limit", "up"),
        ),
        rate: chain(
          network("local_ratelimit", "LocalRateLimit", {
            stat_prefix: "rate",
            token_bucket: { max_tokens: 1, fill_interval: "3600s" },
          }),
          tcpProxy("rate", "up"),
        ),
        down: chain(tcpProxy("down", "down", { max_connect_attempts: 3 })),
        subset: chain(
          tcpProxy("subset", "subsets", { metadata_match: { filter_metadata: { "envoy.lb": { v: "1" } } } }),
        ),
        "no-subset": chain(
          tcpProxy("no-subset", "subsets", {
            metadata_match: { filter_metadata: { "envoy.lb": { v: "2" } } },
          }),
        ),
        proxied: {
          listener_filters: [proxyProtocol()],
          filter_chains: [
            {
              filter_chain_match: { source_prefix_ranges: [{ address_prefix: "192.0.2.0", prefix_len: 24 }] },
              filters: [tcpProxy("proxied", "up")],
            },
          ],
        },
        "proxied-or-not": {
          listener_filters: [
            proxyProtocol({ allow_requests_without_proxy_protocol: true, disallowed_versions: ["V2"] }),
          ],
          ...chain(tcpProxy("proxied-or-not", "up")),
        },
      },
      clusters: [
        staticCluster("up", [port]),
        staticCluster("down", [down]),
        {
          name: "subsets",
          type: "STATIC",
          connect_timeout: "1s",
          lb_subset_config: { fallback_policy: "NO_FALLBACK", subset_selectors: [{ keys: ["v"] }] },
          load_assignment: {
            cluster_name: "subsets",
            endpoints: [
              {
                lb_endpoints: [
                  {
                    endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: port } } },
                    metadata: { filter_metadata: { "envoy.lb": { v: "1" } } },
                  },
                ],
              },
            ],
          },
        },
      ],
    }));
  }, 20_000);

  afterAll(async () => {
    await both?.close();
    for (const socket of sockets) socket.destroy();
    upstream.close();
  });

  const alike = async (act: (side: ParitySide) => Promise<unknown>, stats: RegExp) => {
    const [weft, peer] = await Promise.all([act(both.weft), act(both.envoy)]);
    expect(weft).toEqual(peer);
    let last: readonly Readonly<Record<string, number>>[] = [];
    const agree = async () => {
      last = await Promise.all([both.weft.stats(stats), both.envoy.stats(stats)]);
      return (
        JSON.stringify(Object.entries(last[0] ?? {}).sort()) ===
        JSON.stringify(Object.entries(last[1] ?? {}).sort())
      );
    };
    // Connections end a moment after their clients have seen it.
    for (let i = 0; i < 20 && !(await agree()); i++) await new Promise((resolve) => setTimeout(resolve, 25));
    expect(last[0]).toEqual(last[1]);
    return weft;
  };

  it("connection_limit closes what is too many", async () => {
    const result = await alike(async (side) => {
      const first = connect(side.port("limit"), "127.0.0.1");
      first.write("a");
      await once(first, "data");
      const second = await talk(side.port("limit"), "b", 1);
      first.destroy();
      await once(first, "close");
      return second;
    }, /^connection_limit/);
    expect(result).toBe("");
  });

  it("local_ratelimit closes what comes too fast", async () => {
    const result = await alike(
      async (side) => [await talk(side.port("rate"), "a", 1), await talk(side.port("rate"), "a", 1)],
      /^local_rate_limit/,
    );
    expect(result).toEqual(["a", ""]);
  });

  it("tcp_proxy tries an upstream that is down as often as told", async () => {
    await alike(
      (side) => talk(side.port("down"), "a", 1),
      /^cluster\.down\.upstream_cx_(total|connect_fail|connect_attempts_exceeded|none_healthy)/,
    );
  });

  it("tcp_proxy takes hosts of a subset alone", async () => {
    const result = await alike(
      async (side) => [await talk(side.port("subset"), "a", 1), await talk(side.port("no-subset"), "a", 1)],
      /^cluster\.subsets\.(upstream_cx_(total|none_healthy)|lb_subsets_(selected|fallback))/,
    );
    expect(result).toEqual(["a", ""]);
  });

  const v2 = (command: number, ...rest: readonly number[]) =>
    Buffer.concat([
      Buffer.from("0d0a0d0a000d0a515549540a", "hex"),
      Buffer.from([0x20 | command, ...rest]),
      Buffer.from("x"),
    ]);
  it.each([
    ["version 1", "PROXY TCP4 192.0.2.1 127.0.0.1 1 2\r\nx", "x"],
    ["version 1 from an address that no chain is for", "PROXY TCP4 198.51.100.1 127.0.0.1 1 2\r\nx", ""],
    ["version 1 without an address", "PROXY UNKNOWN\r\nx", ""],
    ["version 2", v2(1, 0x11, 0, 12, 192, 0, 2, 1, 127, 0, 0, 1, 0, 1, 0, 2), "x"],
    ["version 2 with a TLV", v2(1, 0x11, 0, 16, 192, 0, 2, 1, 127, 0, 0, 1, 0, 1, 0, 2, 5, 0, 1, 9), "x"],
    ["version 2, LOCAL", v2(0, 0, 0, 0), ""],
    ["a line that is none", "PROXY TCP4 1.2.3.4\r\nx", ""],
    ["no header", "GET / HTTP/1.1\r\n\r\n", ""],
  ])("proxy_protocol takes %s", async (_what, bytes, expected) => {
    expect(await alike((side) => talk(side.port("proxied"), bytes, 1), /proxy_proto/)).toBe(expected);
  });

  it.each([
    ["version 1", "PROXY TCP4 192.0.2.1 127.0.0.1 1 2\r\nx", "x"],
    ["version 2, which is not allowed", v2(0, 0, 0, 0), v2(0, 0, 0, 0).toString("latin1")],
    ["no header, which is allowed", "hello", "hello"],
  ])("proxy_protocol where it is optional: %s", async (_what, bytes, expected) => {
    const result = await alike(
      (side) => talk(side.port("proxied-or-not"), bytes, Math.max(1, expected.length)),
      /proxy_proto/,
    );
    expect(result).toBe(expected);
  });
});
