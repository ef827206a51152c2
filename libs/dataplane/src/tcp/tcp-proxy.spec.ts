import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { createFakeClock, type FakeClock } from "@weft/base";
import { assignment, clusterConfig, endpoint } from "../cluster/fixtures.ts";
import { createClusterManager } from "../cluster/index.ts";
import type { ClusterConfig } from "../runtime/cluster-config.ts";
import type { StreamInfo } from "../runtime/stream-info.ts";
import { createStatsStore } from "../stats/index.ts";
import { createCleanup, until } from "../testing.ts";
import { createSecretStore } from "../tls/index.ts";
import { createRawTransport, createTcpProxy, type TcpProxyConfig } from "./index.ts";

const cleanup = createCleanup();
afterEach(() => cleanup.run());

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanup.add(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(() => resolve()));
  });
  return (server.address() as AddressInfo).port; // it listens on TCP
}

/** A TCP proxy in front of `serve`, on a fake clock. */
async function setUp(
  serve: (socket: Socket) => void,
  changes: { cluster?: Partial<ClusterConfig>; proxy?: Partial<TcpProxyConfig>; ports?: number[] } = {},
) {
  const clock: FakeClock = createFakeClock(1);
  const stats = createStatsStore();
  const logged: StreamInfo[] = [];
  const upstreamPort = await listen(createServer((socket) => serve(socket.on("error", () => {}))));
  const clusters = createClusterManager({
    clock,
    stats,
    secrets: createSecretStore(() => clock.now()),
    random: () => 0,
    resolver: { resolve: async () => [] },
  });
  const ports = changes.ports ?? [upstreamPort];
  const endpoints = ports.map((port) => endpoint(1, { address: "127.0.0.1", port: port || upstreamPort }));
  clusters.upsert(
    clusterConfig({
      discovery: { kind: "static", endpoints: assignment(...endpoints) },
      transport: createRawTransport({}),
      ...changes.cluster,
    }),
  );
  const faults: unknown[] = [];
  const proxy = createTcpProxy({
    pick: () => ({ cluster: "c" }),
    onFault: (error) => faults.push(error),
    logsOnConnected: false,
    logIntervalMs: 0,
    clusters,
    idleTimeoutMs: 0,
    maxConnectionDurationMs: 0,
    maxConnectAttempts: 1,
    accessLogs: [(info) => logged.push(info)],
    stats: stats.scope("tcp.t"),
    clock,
    random: () => 0,
    ...changes.proxy,
  });
  const address = { address: "127.0.0.1", port: 1 };
  const port = await listen(
    createServer({ pauseOnConnect: true }, (socket) => {
      socket.on("error", () => {});
      proxy({
        socket,
        head: Buffer.from("head:"),
        info: {
          listener: "l",
          direction: "outbound",
          filterChain: "",
          remoteAddress: address,
          directRemoteAddress: address,
          localAddress: address,
        },
      });
    }),
  );
  const dial = () => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    cleanup.add(() => {
      socket.destroy();
    });
    return socket;
  };
  const flags = () => logged.map((info) => info.flagText);
  return { clock, stats, logged, flags, faults, clusters, dial, upstreamPort };
}

const closed = (socket: Socket) => until(() => socket.closed, "the end of the connection");

describe("createTcpProxy()", () => {
  it("sends the bytes taken for inspection first, and counts both ways", async () => {
    const { dial, logged, stats } = await setUp((socket) =>
      socket.on("data", (chunk) => socket.end(`got ${chunk}`)),
    );
    const client = dial();
    let text = "";
    client.on("data", (chunk) => {
      text += chunk;
    });
    await until(() => text.includes("got head:"), "the answer");
    client.end();
    await closed(client);
    await until(() => logged.length === 1, "the access log");
    expect(logged[0]).toMatchObject({ bytesReceived: 5, bytesSent: 9, upstreamCluster: "c", flagText: "-" });
    expect(stats.counters.get("tcp.t.downstream_cx_tx_bytes_total")?.value).toBe(9);
  });

  it("holds the sender back while the receiver takes nothing", async () => {
    const total = 32 * 1024 * 1024;
    let paused: Socket | undefined;
    let received = 0;
    const { dial, logged } = await setUp((socket) => {
      paused = socket.pause();
      socket.on("data", (chunk) => {
        received += chunk.length;
      });
      socket.pause();
    });
    const client = dial();
    client.write(Buffer.alloc(total));
    client.end();
    await until(() => paused !== undefined, "the upstream connection");
    // What is under way fits the buffers of kernel and process: far less than all.
    let last = -1;
    while (client.bytesWritten !== last) {
      last = client.bytesWritten;
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    expect(client.writableLength).toBeGreaterThan(total / 4);
    paused?.resume();
    await until(() => received === total + 5, "all bytes");
    paused?.end();
    await until(() => logged.length === 1, "the end");
    expect(logged[0]?.bytesReceived).toBe(total + 5);
  });

  it("closes idle connections, and only those", async () => {
    const { dial, clock, stats } = await setUp(
      (socket) => socket.on("data", (chunk) => socket.write(chunk)),
      {
        proxy: { idleTimeoutMs: 1000 },
      },
    );
    const client = dial();
    let count = 0;
    client.on("data", (chunk) => {
      count += chunk.length;
    });
    await until(() => count === 5, "the echo");
    clock.advance(900);
    client.write("x");
    await until(() => count === 6, "the second echo");
    clock.advance(900);
    expect(client.destroyed).toBe(false);
    clock.advance(200);
    await closed(client);
    expect(stats.counters.get("tcp.t.idle_timeout")?.value).toBe(1);
  });

  it("ends connections at their longest life", async () => {
    const { dial, clock, flags, stats } = await setUp(() => {}, { proxy: { maxConnectionDurationMs: 5000 } });
    const client = dial();
    await until(
      () => stats.counters.get("cluster.c.upstream_cx_total")?.value === 1,
      "the upstream connection",
    );
    clock.advance(5000);
    await closed(client);
    await until(() => flags().length === 1, "the access log");
    expect(flags()).toEqual(["DT"]);
  });

  it("tries another host, as often as it may", async () => {
    const refused = await listen(createServer());
    await cleanup.run();
    const { dial, logged } = await setUp((socket) => socket.end("yes"), {
      ports: [refused, 0],
      proxy: { maxConnectAttempts: 2 },
    });
    const client = dial();
    let text = "";
    client.on("data", (chunk) => {
      text += chunk;
    });
    client.on("end", () => client.end());
    await closed(client);
    expect(text).toBe("yes");
    await until(() => logged.length === 1, "the access log");
    expect(logged[0]?.attempts).toBe(2);
  });

  it.each<[string, Parameters<typeof setUp>[1], string]>([
    ["refused connections", { ports: [1] }, "UF,URX"],
    ["a missing cluster", { proxy: { pick: () => ({ cluster: "x" }) } }, "NC"],
    ["no host", { ports: [] }, "UH"],
    [
      "too many connections",
      { cluster: { limits: { connection: 0, pending: 1, request: 1, retry: 1 } } },
      "UO",
    ],
  ])("closes and flags %s", async (_name, changes, flag) => {
    const { dial, flags, clusters } = await setUp(() => {}, changes);
    await closed(dial());
    await until(() => flags().length === 1, "the access log");
    expect(flags()).toEqual([flag]);
    expect(clusters.active.get("c")?.circuitBreaker.held("connection")).toBe(0);
  });

  it("gives up on a host that does not answer within the connect timeout", async () => {
    const silent = { connect: () => connect({ host: "127.0.0.1", port: 1, lookup: () => {} }) };
    const { dial, clock, flags, stats } = await setUp(() => {}, {
      cluster: { transport: silent, connectTimeoutMs: 300 },
    });
    const client = dial();
    client.on("close", () => {});
    await until(() => stats.counters.get("cluster.c.upstream_cx_total")?.value === 1, "the attempt");
    clock.advance(300);
    await closed(client);
    await until(() => flags().length === 1, "the access log");
    expect(flags()).toEqual(["UF,URX"]);
  });

  it.each([
    [
      "a hash policy",
      {
        hash: () => {
          throw new Error("thrown on purpose");
        },
      },
    ],
    [
      "an access log",
      {
        pick: () => ({ cluster: "missing" }),
        accessLogs: [
          () => {
            throw new Error("thrown on purpose");
          },
        ],
      },
    ],
  ])("closes the one connection in which %s throws", async (_what, changes) => {
    const { dial, faults } = await setUp(() => {}, { proxy: changes });
    await closed(dial());
    await until(() => faults.length === 1, "the report");
    await closed(dial());
    await until(() => faults.length === 2, "the next");
  });
});
