import { jest } from "@jest/globals";
import { typeUrls } from "@weft/envoy-api";
import {
  ApiConfigSource_ApiType,
  ApiVersion,
} from "@weft/envoy-api/envoy/config/core/v3/config_source_pb.js";
import { describeWithPeer } from "@weft/testkit";
import type { XdsConnection, XdsServerEvent } from "./connection.ts";
import { createResourceSet } from "./resource-set.ts";
import { createXdsServer, type XdsServer } from "./server.ts";
import { type RealEnvoy, startEnvoy, xdsBootstrap } from "./testing/real-envoy.ts";
import { cluster, endpoints, listener, routes, type Source } from "./testing/resources.ts";
import { until } from "./testing/until.ts";

jest.setTimeout(30_000);

type Sent = Extract<XdsServerEvent, { kind: "sent" }>;

const before = createResourceSet([
  cluster("a"),
  cluster("b"),
  endpoints("a", 1001),
  endpoints("b", 1002),
  listener("in", "r"),
  routes("r", { "a.test": "a", "b.test": "b" }),
]);

/** A server that gives every client the same set, and remembers what it sent. */
function serve() {
  const events: XdsServerEvent[] = [];
  let set = before;
  const server = createXdsServer({
    onConnect: (connection) => {
      connection.update(set);
      return undefined;
    },
    onEvent: (event) => events.push(event),
  });
  return {
    server,
    events,
    connection: () => server.connections()[0] as XdsConnection,
    sent: (typeUrl: string) =>
      events.filter((event): event is Sent => event.kind === "sent" && event.typeUrl === typeUrl),
    push: (next: typeof before) => {
      set = next;
      for (const connection of server.connections()) connection.update(next);
    },
  };
}

const synced = (server: XdsServer) => {
  const types = server.connections().flatMap((connection) => connection.status());
  return types.length >= 4 && types.every(({ state }) => state === "SYNCED") && types;
};

for (const apiType of ["GRPC", "DELTA_GRPC"] as const) {
  describeWithPeer("envoy", `xDS server with real Envoy, ADS, ${apiType}`, () => {
    const first = serve();
    let control = first;
    let port: number;
    let envoy: RealEnvoy;
    // One cluster changed, with the same endpoints; routes changed, to a cluster that is new; one cluster gone.
    const after = createResourceSet(
      [
        cluster("a", { connectSeconds: 7 }),
        cluster("c"),
        endpoints("a", 1001),
        endpoints("c", 1003),
        listener("in", "r"),
        routes("r", { "a.test": "a", "b.test": "c" }),
      ],
      before,
    );

    beforeAll(async () => {
      port = await control.server.listen("127.0.0.1:0");
      envoy = await startEnvoy(xdsBootstrap({ port, apiType }));
    });
    afterAll(async () => {
      await envoy?.close();
      await control.server.close(0);
    });

    it("brings a client up, and all is ACKed", async () => {
      await until("all types", () => synced(control.server));
      await until("the listener", async () => (await envoy.active("listeners")).has("in"));
      expect([...(await envoy.active("clusters")).keys()].sort()).toEqual(["a", "b"]);
      expect((await envoy.active("routes")).get("r").virtual_hosts).toHaveLength(2);
      expect(control.connection().node.id).toContain("test.default");
    });

    it("changes clusters, endpoints and routes, make before break", async () => {
      control.events.length = 0;
      control.push(after);
      await until("the removal of cluster b", async () => {
        const clusters = await envoy.active("clusters");
        return clusters.has("c") && !clusters.has("b");
      });
      await until("all types", () => synced(control.server));
      expect((await envoy.active("routes")).get("r").virtual_hosts[1].routes[0].route.cluster).toBe("c");
      const order = control.events
        .filter((event): event is Sent => event.kind === "sent")
        .map(({ typeUrl, removed }) => `${typeUrl.split(".").at(-1)}${removed > 0 ? " removed" : ""}`);
      expect(order.indexOf("Cluster")).toBe(0);
      expect(order.indexOf("RouteConfiguration")).toBeGreaterThan(order.indexOf("ClusterLoadAssignment"));
      expect(order.lastIndexOf(apiType === "GRPC" ? "Cluster" : "Cluster removed")).toBe(order.length - 1);
    });

    it("lets a changed cluster with the same endpoints finish warming", async () => {
      const changed = (await envoy.active("clusters")).get("a");
      expect(changed.connect_timeout).toBe("7s");
      expect(await envoy.admin("/stats?filter=init_fetch_timeout")).not.toMatch(/init_fetch_timeout: [1-9]/);
    });

    it("is told why a client rejects", async () => {
      control.push(
        createResourceSet([
          cluster("a", { connectSeconds: 7 }),
          cluster("c"),
          endpoints("a", 1001),
          endpoints("c", 1003),
          listener("in", "r"),
          routes("r", { "a.test,a.test": "a" }),
        ]),
      );
      const status = await until("a NACK", () =>
        control
          .connection()
          .status()
          .find(({ nacked }) => nacked !== undefined),
      );
      expect(status).toMatchObject({ typeUrl: typeUrls.route, state: "STALE", nacked: { code: 13 } });
      expect(status.nacked?.message).toMatch(/a\.test/);
      expect((await envoy.active("routes")).get("r").virtual_hosts).toHaveLength(2);
      control.push(after);
      await until("all types", () => synced(control.server));
      expect(
        control
          .connection()
          .status()
          .some(({ nacked }) => nacked),
      ).toBe(false);
    });

    it("sends nothing again to a client that comes back", async () => {
      await control.server.close(0);
      control = serve();
      control.push(after);
      await control.server.listen(`127.0.0.1:${port}`);
      await until("all types", () => synced(control.server));
      const count = (typeUrl: string) =>
        control.sent(typeUrl).reduce((sum, { resources }) => sum + resources, 0);
      // State of the world can tell no more than the version of the whole, for types that are subscribed to as a whole.
      const named = apiType === "GRPC" ? { endpoints: 2, routes: 1 } : { endpoints: 0, routes: 0 };
      expect({
        clusters: count(typeUrls.cluster),
        endpoints: count(typeUrls.endpoint),
        listeners: count(typeUrls.listener),
        routes: count(typeUrls.route),
      }).toEqual({ clusters: 0, listeners: 0, ...named });
    });
  });

  describeWithPeer("envoy", `xDS server with real Envoy, a service for each type, ${apiType}`, () => {
    const control = serve();
    let envoy: RealEnvoy;
    let source: Source;
    const set = (name: string, connectSeconds = 1) =>
      createResourceSet([
        cluster(name, { source, connectSeconds }),
        endpoints(name, 1001),
        listener("in", "r", { source }),
        routes("r", { "*": name }),
      ]);

    beforeAll(async () => {
      source = {
        resourceApiVersion: ApiVersion.V3,
        configSourceSpecifier: {
          case: "apiConfigSource",
          value: {
            apiType: ApiConfigSource_ApiType[apiType],
            transportApiVersion: ApiVersion.V3,
            grpcServices: [{ targetSpecifier: { case: "envoyGrpc", value: { clusterName: "xds" } } }],
          },
        },
      };
      control.push(set("a"));
      const port = await control.server.listen("127.0.0.1:0");
      envoy = await startEnvoy(xdsBootstrap({ port, apiType, separate: true }));
    });
    afterAll(async () => {
      await envoy?.close();
      await control.server.close(0);
    });

    it("brings a client up and changes it", async () => {
      await until("all types", () => synced(control.server));
      await until("the listener", async () => (await envoy.active("listeners")).has("in"));
      expect(
        control.server
          .connections()
          .map(({ typeUrl }) => typeUrl)
          .sort(),
      ).toEqual([typeUrls.cluster, typeUrls.endpoint, typeUrls.listener, typeUrls.route].sort());
      control.push(set("b"));
      await until("the other cluster", async () => {
        const route = (await envoy.active("routes")).get("r").virtual_hosts[0].routes[0].route;
        const clusters = [...(await envoy.active("clusters")).keys()];
        return route.cluster === "b" && clusters.join() === "b";
      });
    });

    // An incremental client does not ask again, and its other stream knows nothing of the clusters: README.md, "does not".
    if (apiType === "GRPC") {
      it("lets a changed cluster with the same endpoints finish warming", async () => {
        control.push(set("b", 7));
        await until(
          "the change",
          async () => (await envoy.active("clusters")).get("b").connect_timeout === "7s",
        );
        expect(await envoy.admin("/stats?filter=init_fetch_timeout")).not.toMatch(
          /init_fetch_timeout: [1-9]/,
        );
      });
    }
  });
}
