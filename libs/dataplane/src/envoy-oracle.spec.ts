import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonValue } from "@bufbuild/protobuf";
import { describeWithPeer, freePorts, startChild } from "@weft/testkit";
import {
  createCleanup,
  httpChain,
  loadAssignment,
  loopback,
  routeConfiguration,
  startProxy,
  startUpstream,
  until,
} from "./testing.ts";

const type = (name: string) => `type.googleapis.com/envoy.extensions.${name}`;

/** A chain that answers with its name. */
const answering = (name: string, match: JsonValue, acceptsHttp10 = true): JsonValue => ({
  ...(httpChain(
    {
      route_config: routeConfiguration("r", {
        direct_response: { status: 200, body: { inline_string: name } },
      }),
    },
    { http_protocol_options: { accept_http_10: acceptsHttp10 } },
  ) as object),
  name,
  filter_chain_match: match,
});

const range = (address: string, length: number) => ({ address_prefix: address, prefix_len: length });

/** Sets of chains, each a listener; names say what they are for. */
const chainSets: Readonly<Record<string, readonly (readonly [name: string, match: JsonValue])[]>> = {
  destinations: [
    ["any", {}],
    ["loopback", { prefix_ranges: [range("127.0.0.0", 8)] }],
    ["second", { prefix_ranges: [range("127.0.2.0", 24), range("10.0.0.0", 8)] }],
    ["exact", { prefix_ranges: [range("127.0.2.9", 32)] }],
  ],
  protocols: [
    ["raw", { transport_protocol: "raw_buffer" }],
    ["one", { transport_protocol: "raw_buffer", application_protocols: ["http/1.1"] }],
    ["old", { application_protocols: ["http/1.0"] }],
    ["tls", { transport_protocol: "tls" }],
  ],
  sources: [
    ["local", { source_type: "SAME_IP_OR_LOOPBACK" }],
    ["near", { source_type: "SAME_IP_OR_LOOPBACK", source_prefix_ranges: [range("127.0.3.0", 24)] }],
    ["outside", { source_type: "EXTERNAL" }],
    ["direct", { direct_source_prefix_ranges: [range("127.0.4.0", 24)] }],
  ],
  "no way back": [
    ["port-tls", { destination_port: "PORT", transport_protocol: "tls" }],
    ["any", {}],
  ],
  "name before transport": [
    ["named", { server_names: ["a.example"] }],
    ["tls", { transport_protocol: "tls" }],
    ["raw", { transport_protocol: "raw_buffer" }],
  ],
};

const probes = ["127.0.0.1", "127.0.2.1", "127.0.2.9"].flatMap((to) =>
  ["127.0.0.1", "127.0.3.1", "127.0.4.1"].flatMap((from) =>
    ["1.1", "1.0"].map((version) => ({ to, from, version })),
  ),
);

/** What the proxy answers to a request, `closed` where it closes the connection. */
function probe(port: number, { to, from, version }: (typeof probes)[number]): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: to, port, localAddress: from }, () =>
      socket.write(`GET / HTTP/${version}\r\nhost: x\r\nconnection: close\r\n\r\n`),
    );
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", () => {}); // `close` follows
    socket.on("close", () => resolve(/\r\n\r\n([\s\S]*)$/.exec(text)?.[1] ?? "closed"));
  });
}

function bootstrap(adminPort: number, ports: readonly number[], upstream: number): JsonValue {
  const inspector = (name: string, message: string) => ({
    name: `envoy.filters.listener.${name}`,
    typed_config: { "@type": type(`filters.listener.${name}.v3.${message}`) },
  });
  const listeners = Object.entries(chainSets).map(([name, chains], index) => {
    const port = ports[index] ?? 0;
    const withPort = JSON.parse(JSON.stringify(chains).replaceAll('"PORT"', String(port))) as typeof chains;
    return {
      name,
      address: { socket_address: { address: "0.0.0.0", port_value: port } },
      listener_filters: [
        inspector("tls_inspector", "TlsInspector"),
        inspector("http_inspector", "HttpInspector"),
      ],
      filter_chains: withPort.map(([chain, match]) => answering(chain, match)),
    };
  });
  const forwarding = {
    name: "forwarding",
    stat_prefix: "forwarding",
    address: loopback(ports.at(-1) ?? 0),
    filter_chains: [httpChain({ route_config: routeConfiguration("r", { route: { cluster: "up" } }) })],
  };
  return {
    admin: { address: loopback(adminPort) },
    static_resources: {
      clusters: [
        {
          name: "up",
          type: "STATIC",
          connect_timeout: "1s",
          circuit_breakers: { thresholds: [{ max_connections: 1000 }] },
          outlier_detection: { enforcing_success_rate: 0 },
          load_assignment: loadAssignment("up", upstream),
        },
      ],
      listeners: [...listeners, forwarding],
    },
  };
}

const text = async (port: number, path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();

describeWithPeer("envoy", "beside a real Envoy", (envoy) => {
  const cleanup = createCleanup();
  const setCount = Object.keys(chainSets).length;
  let envoyPorts: number[];
  let weftPorts: number[];
  beforeAll(async () => {
    const upstream = await startUpstream("a", cleanup);
    const free = await freePorts(2 * (setCount + 2));
    envoyPorts = free.slice(0, setCount + 2);
    weftPorts = free.slice(setCount + 2);
    const folder = await mkdtemp(join(tmpdir(), "weft-oracle-"));
    cleanup.add(() => rm(folder, { recursive: true }));
    const file = join(folder, "envoy.json");
    await writeFile(file, JSON.stringify(bootstrap(envoyPorts[0] ?? 0, envoyPorts.slice(1), upstream)));
    const child = await startChild(envoy, {
      args: ["-c", file, "--concurrency", "1", "--disable-hot-restart", "--use-dynamic-base-id"],
      ready: /starting main dispatch loop/,
    });
    cleanup.add(() => child.stop());
    const proxy = await startProxy(bootstrap(weftPorts[0] ?? 0, weftPorts.slice(1), upstream), cleanup);
    await until(() => proxy.state === "LIVE", "LIVE");
  }, 30_000);
  afterAll(() => cleanup.run());

  it.each(Object.keys(chainSets).map((name, index) => [name, index] as const))(
    "chooses the same filter chains: %s",
    async (_name, index) => {
      const ask = (ports: readonly number[]) =>
        Promise.all(
          probes.map(async (from) => ({ ...from, answer: await probe(ports[index + 1] ?? 0, from) })),
        );
      expect(await ask(weftPorts)).toEqual(await ask(envoyPorts));
    },
  );

  it("has no statistics that Envoy has not", async () => {
    for (const ports of [envoyPorts, weftPorts]) await text(ports.at(-1) ?? 0, "/");
    const names = async (port: number) =>
      new Set(
        (await text(port, "/stats"))
          .split("\n")
          .map((line) => line.split(": ")[0]?.replace(/^(listener\.[\d.]+_)\d+/, "$1PORT")),
      );
    const known = await names(envoyPorts[0] ?? 0);
    const foreign = [...(await names(weftPorts[0] ?? 0))].filter((name) => !known.has(name));
    expect(foreign).toEqual([]);
  });

  it("shows clusters and hosts under the same keys", async () => {
    const keys = async (port: number) =>
      (await text(port, "/clusters"))
        // Requests that wait are counted by cluster, not by host.
        .replace(/^.*rq_pending_active.*\n/m, "")
        .replaceAll(/127\.0\.0\.1:\d+/g, "HOST")
        .split("\n")
        .map((line) => line.split("::").slice(0, -1).join("::"));
    expect((await keys(weftPorts[0] ?? 0)).sort()).toEqual((await keys(envoyPorts[0] ?? 0)).sort());
  });

  it("dumps its configuration in the same sections", async () => {
    const sections = async (port: number) => {
      const { configs } = JSON.parse(await text(port, "/config_dump?include_eds")) as {
        configs: Record<string, unknown>[];
      };
      return configs.map((section) => Object.keys(section).sort());
    };
    const [weft, real] = [await sections(weftPorts[0] ?? 0), await sections(envoyPorts[0] ?? 0)];
    expect(weft).toEqual(real);
  });
});
