import { connect } from "node:net";
import type { JsonValue } from "@bufbuild/protobuf";
import { fromEnvoyJson } from "@weft/envoy-api";
import { ClustersSchema } from "@weft/envoy-api/envoy/admin/v3/clusters_pb.js";
import { ConfigDumpSchema } from "@weft/envoy-api/envoy/admin/v3/config_dump_pb.js";
import { ListenersSchema } from "@weft/envoy-api/envoy/admin/v3/listeners_pb.js";
import { ServerInfoSchema } from "@weft/envoy-api/envoy/admin/v3/server_info_pb.js";
import type { ProxyServer } from "../proxy.ts";
import {
  createCleanup,
  httpChain,
  listener,
  loadAssignment,
  loopback,
  portOf,
  routeConfiguration,
  startProxy,
  startUpstream,
  until,
} from "../testing.ts";

const cleanup = createCleanup();
let proxy: ProxyServer;
beforeEach(async () => {
  const upstream = await startUpstream("a", cleanup);
  proxy = await startProxy(
    {
      node: { id: "n", metadata: { NAMESPACE: "default" } },
      admin: { address: loopback(0) },
      static_resources: {
        clusters: [{ name: "up", type: "STATIC", load_assignment: loadAssignment("up", upstream) }],
        listeners: [
          listener("in", httpChain({ route_config: routeConfiguration("r", { route: { cluster: "up" } }) }), {
            traffic_direction: "INBOUND",
          }),
          listener(
            "out",
            httpChain({ route_config: routeConfiguration("r", { direct_response: { status: 200 } }) }),
          ),
        ],
      },
    },
    cleanup,
  );
});
afterEach(() => cleanup.run());

async function call(path: string, method = "GET") {
  const response = await fetch(`http://127.0.0.1:${proxy.adminAddress?.port}${path}`, { method });
  return { status: response.status, text: await response.text(), type: response.headers.get("content-type") };
}
const json = async (path: string): Promise<JsonValue> => JSON.parse((await call(path)).text) as JsonValue;

const isOpen = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });

describe("the admin API", () => {
  it("dumps configuration in Envoy's sections and messages", async () => {
    const dump = await json("/config_dump?include_eds");
    const { configs } = fromEnvoyJson(ConfigDumpSchema, dump);
    expect(configs.map(({ typeUrl }) => typeUrl.replace("type.googleapis.com/envoy.admin.v3.", ""))).toEqual([
      "BootstrapConfigDump",
      "ClustersConfigDump",
      "EndpointsConfigDump",
      "ListenersConfigDump",
      "ScopedRoutesConfigDump",
      "RoutesConfigDump",
      "SecretsConfigDump",
    ]);
    expect(dump).toMatchObject({
      configs: expect.arrayContaining([
        expect.objectContaining({
          static_clusters: [
            expect.objectContaining({
              cluster: expect.objectContaining({
                "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
                name: "up",
              }),
            }),
          ],
        }),
      ]),
    });
  });

  it("selects by resource and by name", async () => {
    const names = async (query: string) => {
      const { configs } = (await json(`/config_dump?${query}`)) as {
        configs: { listener: { name: string } }[];
      };
      return configs.map((entry) => entry.listener.name);
    };
    expect(await names("resource=static_listeners")).toEqual(["in", "out"]);
    expect(await names("resource=static_listeners&name_regex=^o")).toEqual(["out"]);
    expect((await call("/config_dump?resource=what")).status).toBe(404);
    expect((await call("/config_dump?name_regex=[")).status).toBe(400);
  });

  it("shows clusters and listeners as Envoy's messages", async () => {
    await fetch(`http://127.0.0.1:${portOf(proxy, "in")}/`);
    const { clusterStatuses } = fromEnvoyJson(ClustersSchema, await json("/clusters?format=json"));
    expect(clusterStatuses[0]).toMatchObject({ name: "up", addedViaApi: false });
    const [host] = clusterStatuses[0]?.hostStatuses ?? [];
    expect(host?.stats.find(({ name }) => name === "rq_total")?.value).toBe(1n);
    const { listenerStatuses } = fromEnvoyJson(ListenersSchema, await json("/listeners?format=json"));
    expect(listenerStatuses.map(({ name }) => name)).toEqual(["in", "out"]);
    expect((await call("/listeners")).text).toContain(`in::127.0.0.1:${portOf(proxy, "in")}\n`);
    expect((await call("/clusters")).text).toMatch(/^up::127\.0\.0\.1:\d+::health_flags::healthy$/m);
  });

  it("tells state and options", async () => {
    expect(await call("/ready")).toMatchObject({ status: 200, text: "LIVE\n" });
    const info = fromEnvoyJson(ServerInfoSchema, await json("/server_info"));
    expect(info.version).toMatch(/^[0-9a-f]{40}\/\d+\.\d+\.\d+\/\w+\/\w+\/\w+$/);
    expect(info.node?.metadata).toEqual({ NAMESPACE: "default" });
    expect(await call("/healthcheck/fail", "POST")).toMatchObject({ text: "OK\n" });
    expect(await call("/ready")).toMatchObject({ status: 503, text: "DRAINING\n" });
    await call("/healthcheck/ok", "POST");
    expect((await call("/ready")).status).toBe(200);
  });

  it("prints statistics in all formats", async () => {
    await fetch(`http://127.0.0.1:${portOf(proxy, "in")}/`);
    expect((await call("/stats?usedonly&filter=upstream_rq_200")).text).toBe(
      "cluster.up.upstream_rq_200: 1\n",
    );
    expect((await call("/stats?format=json&type=Gauges&filter=server.live")).text).toBe(
      '{"stats":[{"name":"server.live","value":1}]}',
    );
    const prometheus = await call("/stats/prometheus?usedonly");
    expect(prometheus.type).toContain("version=0.0.4");
    expect(prometheus.text).toContain(
      'envoy_cluster_upstream_rq{envoy_response_code="200",envoy_cluster_name="up"} 1\n',
    );
    expect((await call("/stats?filter=[")).status).toBe(400);
  });

  it("changes state by POST alone", async () => {
    for (const path of [
      "/drain_listeners",
      "/quitquitquit",
      "/healthcheck/fail",
      "/logging",
      "/reset_counters",
    ]) {
      expect((await call(path)).status).toBe(405);
    }
  });

  it("lists what there is for paths that there are not", async () => {
    const { status, text } = await call("/nothing");
    expect(status).toBe(404);
    expect(text).toContain("  /config_dump: ");
    expect((await call("/help")).status).toBe(200);
  });

  it("drains inbound listeners alone, and refuses what makes no sense", async () => {
    const [inbound, outbound] = [portOf(proxy, "in"), portOf(proxy, "out")];
    expect((await call("/drain_listeners?skip_exit", "POST")).status).toBe(400);
    expect((await call("/drain_listeners?inboundonly&graceful&skip_exit", "POST")).text).toBe("OK\n");
    expect(await isOpen(inbound)).toBe(true);
    expect((await call("/drain_listeners?inboundonly", "POST")).text).toBe("OK\n");
    await until(() => proxy.listeners.connectionCount() === 0, "no connection");
    expect([await isOpen(inbound), await isOpen(outbound)]).toEqual([false, true]);
  });

  it("knows its one logger", async () => {
    expect((await call("/logging?level=debug", "POST")).text).toBe("active loggers:\n  main: debug\n");
    expect((await call("/logging?level=loud", "POST")).status).toBe(400);
    expect((await call("/logging?http=debug", "POST")).status).toBe(400);
    await call("/logging?level=off", "POST");
  });
});
