import { connect } from "node:net";
import type { JsonValue } from "@bufbuild/protobuf";
import type { EncodedResource, ResourceSet } from "@weft/envoy-api";
import { createResourceSet, createXdsServer, type XdsConnection, type XdsServerEvent } from "@weft/xds";
import { parseBootstrap } from "./bootstrap/index.ts";
import {
  createCleanup,
  httpChain,
  listener,
  loadAssignment,
  loopback,
  portOf,
  rds,
  resource,
  routeConfiguration,
  startProxy,
  startUpstream,
  tcpChain,
  until,
} from "./testing.ts";
import { validateBootstrap } from "./validate.ts";

const cleanup = createCleanup();
afterEach(() => cleanup.run());

const get = async (port: number, path = "/", init: RequestInit = {}) => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
  return { status: response.status, text: await response.text(), headers: response.headers };
};

const staticCluster = (name: string, port: number): JsonValue => ({
  name,
  type: "STATIC",
  connect_timeout: "1s",
  load_assignment: loadAssignment(name, port),
});

describe("createProxy() with static resources", () => {
  it("carries HTTP and TCP to a cluster", async () => {
    const upstream = await startUpstream("a", cleanup);
    const proxy = await startProxy(
      {
        static_resources: {
          clusters: [staticCluster("up", upstream)],
          listeners: [
            listener(
              "http",
              httpChain({ route_config: routeConfiguration("r", { route: { cluster: "up" } }) }),
            ),
            listener("tcp", tcpChain("up")),
          ],
        },
      },
      cleanup,
    );
    expect(proxy.state).toBe("LIVE");
    expect(await get(portOf(proxy, "http"), "/x")).toMatchObject({ status: 200, text: "a /x" });
    expect(await get(portOf(proxy, "tcp"), "/y")).toMatchObject({ status: 200, text: "a /y" });
    expect(proxy.stats.counters.get("cluster.up.upstream_rq_200")?.value).toBe(1);
    expect(proxy.stats.counters.get("tcp.test.downstream_cx_total")?.value).toBe(1);
  });

  it("keeps half-closed TCP connections open until both sides are done", async () => {
    const upstream = await startUpstream("a", cleanup);
    const proxy = await startProxy(
      {
        static_resources: {
          clusters: [staticCluster("up", upstream)],
          listeners: [listener("tcp", tcpChain("up"))],
        },
      },
      cleanup,
    );
    const socket = connect(portOf(proxy, "tcp"), "127.0.0.1");
    socket.end("GET /half HTTP/1.0\r\n\r\n");
    let text = "";
    for await (const chunk of socket) text += chunk;
    expect(text).toContain("a /half");
    await until(() => proxy.listeners.connectionCount() === 0, "no connection left");
    expect(proxy.clusters.active.get("up")?.circuitBreaker.held("connection")).toBe(0);
  });

  it("closes TCP connections that have nowhere to go", async () => {
    const proxy = await startProxy(
      { static_resources: { listeners: [listener("tcp", tcpChain("nowhere"))] } },
      cleanup,
    );
    const socket = connect(portOf(proxy, "tcp"), "127.0.0.1");
    await new Promise((resolve) => socket.once("close", resolve));
    expect(proxy.stats.counters.get("tcp.test.downstream_cx_no_route")?.value).toBe(1);
  });

  it("closes connections of a TLS chain whose secret does not come, and serves the others", async () => {
    const upstream = await startUpstream("a", cleanup);
    const tls = {
      name: "envoy.transport_sockets.tls",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        common_tls_context: {
          tls_certificate_sds_secret_configs: [
            { name: "absent", sds_config: { ads: {}, initial_fetch_timeout: "0.01s" } },
          ],
        },
      },
    };
    const proxy = await startProxy(
      {
        static_resources: {
          clusters: [
            staticCluster("up", upstream),
            {
              ...(staticCluster("secure", upstream) as object),
              transport_socket: {
                name: "envoy.transport_sockets.tls",
                typed_config: {
                  "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                },
              },
            },
          ],
          listeners: [
            listener("secure", { ...(tcpChain("up") as object), transport_socket: tls }),
            listener(
              "plain",
              httpChain({ route_config: routeConfiguration("r", { route: { cluster: "secure" } }) }),
            ),
          ],
        },
      },
      cleanup,
    );
    await until(
      () => proxy.listeners.listeners.has("secure"),
      "the listener, once its secret was waited for",
    );
    const socket = connect(portOf(proxy, "secure"), "127.0.0.1");
    socket.on("error", () => {}); // a reset is as good
    await new Promise((resolve) => socket.once("close", resolve));
    const refused = "server_ssl_socket_factory.downstream_context_secrets_not_ready";
    expect(proxy.stats.counters.get(`listener.127.0.0.1_0.${refused}`)?.value).toBe(1);
    const { status, text } = await get(portOf(proxy, "plain"));
    expect(status).toBe(503);
    expect(text).toContain("upstream connect error");
  });

  it("refuses a bootstrap that it cannot use, and says where", async () => {
    const foreign = { name: "x", typed_config: { "@type": "type.googleapis.com/google.protobuf.Empty" } };
    const bootstrap = { static_resources: { listeners: [listener("l", { filters: [foreign] })] } };
    expect(validateBootstrap(parseBootstrap([JSON.stringify(bootstrap)]))).toMatchObject([
      {
        path: "static_resources.listeners[0].filter_chains[0].filters[0]",
        message: expect.stringContaining(
          "didn't find a registered implementation for 'x' with type URL: 'google.protobuf.Empty'",
        ),
      },
    ]);
    await expect(startProxy(bootstrap, cleanup)).rejects.toThrow(
      "Error adding/updating listener l: filter_chains[0]",
    );
  });
});

describe.each(["DELTA_GRPC", "GRPC"])("createProxy() with ADS, %s", (apiType) => {
  /** A control plane that gives every client the same, changeable resources. */
  async function startControlPlane(initial: readonly EncodedResource[]) {
    const events: XdsServerEvent[] = [];
    const connections = new Set<XdsConnection>();
    let set: ResourceSet = createResourceSet(initial);
    const server = createXdsServer({
      onConnect: (connection) => {
        connections.add(connection);
        connection.update(set);
        return () => connections.delete(connection);
      },
      onEvent: (event) => events.push(event),
    });
    cleanup.add(() => server.close(0));
    const port = await server.listen("127.0.0.1:0");
    return {
      port,
      close: () => server.close(0),
      nacks: () => events.filter((event) => event.kind === "nacked"),
      node: () => [...connections][0]?.node,
      update: (resources: readonly EncodedResource[]) => {
        set = createResourceSet(resources, set);
        for (const connection of connections) connection.update(set);
      },
    };
  }
  const bootstrap = (port: number): JsonValue => ({
    node: { id: "sidecar~127.0.0.1~a.b~c", cluster: "test" },
    admin: { address: loopback(0) },
    dynamic_resources: {
      ads_config: {
        api_type: apiType,
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: "xds-grpc" } }],
      },
      cds_config: { ads: {}, resource_api_version: "V3" },
      lds_config: { ads: {}, resource_api_version: "V3" },
    },
    static_resources: { clusters: [staticCluster("xds-grpc", port)] },
  });
  const edsCluster = (name: string, more: Record<string, JsonValue> = {}) =>
    resource("cluster", {
      name,
      type: "EDS",
      connect_timeout: "1s",
      eds_cluster_config: { eds_config: { ads: {}, resource_api_version: "V3" } },
      ...more,
    });
  const base = (port: number) => [
    edsCluster("up"),
    resource("endpoint", loadAssignment("up", port)),
    resource("listener", listener("l", httpChain(rds("9080")))),
    resource("route", routeConfiguration("9080", { route: { cluster: "up" } })),
  ];
  const start = async (resources: readonly EncodedResource[]) => {
    const plane = await startControlPlane(resources);
    const proxy = await startProxy(bootstrap(plane.port), cleanup);
    return { plane, proxy };
  };

  it("becomes LIVE with all four types, and follows each of them", async () => {
    const [a, b] = [await startUpstream("a", cleanup), await startUpstream("b", cleanup)];
    const { plane, proxy } = await start(base(a));
    await until(() => proxy.state === "LIVE", "LIVE");
    expect(plane.node()).toMatchObject({ id: "sidecar~127.0.0.1~a.b~c", userAgentName: "weft" });
    expect(plane.node()?.extensions.map(({ name }) => name)).toContain("envoy.filters.http.router");
    const port = portOf(proxy, "l");
    expect((await get(port)).text).toBe("a /");

    // endpoints
    const [cluster, , ldsListener, route] = base(a) as [
      EncodedResource,
      EncodedResource,
      EncodedResource,
      EncodedResource,
    ];
    const moved = [cluster, resource("endpoint", loadAssignment("up", b)), ldsListener];
    plane.update([...moved, route]);
    const host = () => proxy.clusters.active.get("up")?.hosts[0]?.port;
    await until(() => host() === b, "the new endpoint");
    expect((await get(port)).text).toBe("b /");

    // routes
    plane.update([
      ...moved,
      resource("route", routeConfiguration("9080", { direct_response: { status: 418 } })),
    ]);
    await until(() => proxy.stats.counters.get("rds.update_success")?.value === 2, "the new route");
    expect((await get(port)).status).toBe(418);

    // removal of the listener
    plane.update([cluster]);
    await until(() => proxy.listeners.listeners.size === 0, "no listener");
    const refused = await new Promise((resolve) => connect(port, "127.0.0.1").once("error", resolve));
    expect(refused).toMatchObject({ code: "ECONNREFUSED" });
    expect(plane.nacks()).toEqual([]);
  });

  it("waits for the endpoints of clusters and the routes of listeners", async () => {
    const a = await startUpstream("a", cleanup);
    const [cluster, endpoint, ldsListener, route] = base(a) as [
      EncodedResource,
      EncodedResource,
      EncodedResource,
      EncodedResource,
    ];
    const { plane, proxy } = await start([cluster, ldsListener]);
    await until(() => proxy.clusters.warming.has("up"), "a warming cluster");
    expect(proxy.state).toBe("INITIALIZING");
    plane.update([cluster, endpoint, ldsListener]);
    await until(
      () => proxy.stats.gauges.get("listener_manager.total_listeners_warming")?.value === 1,
      "a warming listener",
    ).catch(
      // A server that knows no such route says so in delta mode: then nobody waits.
      () => expect(apiType).toBe("DELTA_GRPC"),
    );
    plane.update([cluster, endpoint, ldsListener, route]);
    await until(() => proxy.state === "LIVE", "LIVE");
    await until(() => proxy.stats.counters.get("rds.update_success")?.value !== undefined, "a route");
    expect((await get(portOf(proxy, "l"))).text).toBe("a /");
  });

  it("refuses what it cannot do by name and path, and goes on with the last good version", async () => {
    const a = await startUpstream("a", cleanup);
    const { plane, proxy } = await start(base(a));
    await until(() => proxy.state === "LIVE", "LIVE");
    const [cluster, endpoint, , route] = base(a) as [
      EncodedResource,
      EncodedResource,
      EncodedResource,
      EncodedResource,
    ];
    const foreign = {
      filters: [
        {
          name: "istio.metadata_exchange",
          typed_config: { "@type": "type.googleapis.com/google.protobuf.Empty" },
        },
      ],
    };
    plane.update([
      cluster,
      endpoint,
      resource("listener", listener("l", foreign)),
      route,
      edsCluster("more"),
    ]);
    await until(() => plane.nacks().length > 0, "a NACK");
    expect(
      JSON.stringify(plane.nacks()[0], (_key, value) =>
        typeof value === "bigint" || _key === "connection" ? undefined : value,
      ),
    ).toContain(
      "Error adding/updating listener l: filter_chains[0].filters[0]: didn't find a registered implementation for 'istio.metadata_exchange'",
    );
    expect((await get(portOf(proxy, "l"))).text).toBe("a /");
    const admin = proxy.adminAddress?.port ?? 0;
    const dump = JSON.parse((await get(admin, "/config_dump?resource=dynamic_listeners")).text);
    expect(dump.configs[0]).toMatchObject({
      "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump.DynamicListener",
      name: "l",
      active_state: { listener: { name: "l" } },
      error_state: { details: expect.stringContaining("istio.metadata_exchange") },
    });
  });

  it("drops no request while clusters, endpoints, listeners and routes change", async () => {
    const [a, b] = [await startUpstream("a", cleanup), await startUpstream("b", cleanup)];
    const { plane, proxy } = await start(base(a));
    await until(() => proxy.state === "LIVE", "LIVE");
    const port = portOf(proxy, "l");
    let running = true;
    let done = 0;
    const bad: unknown[] = [];
    const load = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (running) {
          const { status } = await get(port).catch((error: unknown) => ({ status: String(error) }));
          if (status !== 200) bad.push(status);
          done++;
        }
      }),
    );
    for (let round = 0; round < 10; round++) {
      const target = round % 2 === 0 ? b : a;
      const name = round % 3 === 0 ? "other" : "up";
      const before = done;
      plane.update([
        edsCluster("up", { alt_stat_name: `up-${round}` }),
        edsCluster("other"),
        resource("endpoint", loadAssignment("up", target)),
        resource("endpoint", loadAssignment("other", a, b)),
        resource("listener", listener("l", httpChain(rds("9080"), { server_name: `s${round}` }))),
        resource("route", routeConfiguration("9080", { route: { cluster: name } })),
      ]);
      await until(() => done > before + 20, "more requests");
    }
    running = false;
    await load;
    expect(bad).toEqual([]);
    expect(portOf(proxy, "l")).toBe(port);
    expect(plane.nacks()).toEqual([]);
  });

  it("goes on with what it has while the control plane is away", async () => {
    const a = await startUpstream("a", cleanup);
    const { plane, proxy } = await start(base(a));
    await until(() => proxy.state === "LIVE", "LIVE");
    await plane.close();
    await until(
      () => proxy.stats.gauges.get("control_plane.connected_state")?.value === 0,
      "the end of the stream",
    );
    expect((await get(portOf(proxy, "l"))).text).toBe("a /");
  });
});
