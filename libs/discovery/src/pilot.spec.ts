import { create, toBinary } from "@bufbuild/protobuf";
import { type BusEvent, createInProcessBus } from "@weft/bus";
import { typeUrls } from "@weft/envoy-api";
import { ClusterSchema } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import type { MeshObject, SourceEvent } from "@weft/mesh-model";
import { silentLogger } from "@weft/observability";
import {
  accept,
  createResourceSet,
  createXdsClient,
  encodeResource,
  reject,
  type XdsClient,
} from "@weft/xds";
import type { Translate } from "./engine.ts";
import { createPilot, type Pilot, type StartSource } from "./pilot.ts";

const service = (name: string, port = 80): MeshObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "default", labels: {}, annotations: {} },
  body: { spec: { clusterIP: "10.0.0.1", ports: [{ name: "http", port }] } },
});
const upsert = (object: MeshObject): SourceEvent => ({ kind: "upsert", object });

/** One cluster for each service, and a problem for each service that listens on port 1. */
const translate: Translate = ({ snapshot }) => {
  const services = snapshot.services.all;
  if (services.some(({ name }) => name === "bug")) throw new Error("a bug in translation");
  const bad = services.filter(({ ports }) => ports.some(({ port }) => port === 1));
  const good = services.filter((one) => !bad.includes(one));
  return {
    value: createResourceSet(
      good.map(({ hostname, ports }) => {
        const name = `outbound|${ports[0]?.port}||${hostname}`;
        return encodeResource(
          name,
          typeUrls.cluster,
          toBinary(ClusterSchema, create(ClusterSchema, { name })),
        );
      }),
    ),
    problems: bad.map(({ name, namespace }) => ({
      severity: "error" as const,
      code: "bad-port",
      path: "spec.ports[0].port",
      message: "1 is not allowed",
      object: { apiVersion: "v1", kind: "Service", name, namespace },
    })),
  };
};

/** Resolves when `check` holds; checked after every event that `poke` is called for. */
function until(check: () => boolean): { reached: Promise<void>; poke: () => void } {
  let poke = () => {};
  const reached = new Promise<void>((resolve) => {
    poke = () => {
      if (check()) resolve();
    };
  });
  return { reached, poke };
}

describe("createPilot()", () => {
  const listen = { host: "127.0.0.1", port: 0 };
  let pilot: Pilot;
  let emit: (event: SourceEvent) => void;
  const clients: XdsClient[] = [];
  let events: BusEvent[];
  let onEvent = () => {};

  beforeEach(async () => {
    events = [];
    const bus = createInProcessBus(silentLogger);
    bus.subscribe("weft.>", (event) => {
      events.push(event);
      onEvent();
    });
    const source: StartSource = (sink) => {
      let sync = () => {};
      const synced = new Promise<void>((resolve) => {
        sync = resolve;
      });
      emit = (event) => {
        sink(event);
        if (event.kind === "synced") sync();
      };
      return { name: "fake", synced, close: async () => {} };
    };
    pilot = await createPilot({
      sources: [source],
      translate,
      bus,
      logger: silentLogger,
      http: listen,
      grpc: listen,
      monitoring: listen,
      instance: "pilot-1",
      version: "test",
    });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await pilot.close();
  });

  /** Connects a proxy; `names` are the clusters it has, `version` counts the updates. */
  function connect(pod: string, verdict = accept) {
    const names = new Set<string>();
    let watchers: (() => void)[] = [];
    const client = createXdsClient({
      address: pilot.addresses.grpc,
      node: {
        id: `sidecar~10.0.0.9~${pod}.default~default.svc.cluster.local`,
        metadata: { NAMESPACE: "default", INSTANCE_IPS: "10.0.0.9", CLUSTER_ID: "test" },
      },
    });
    clients.push(client);
    client.subscribe(typeUrls.cluster, {
      names: "*",
      onUpdate: (update) => {
        for (const name of update.changed.keys()) names.add(name);
        for (const name of update.removed) names.delete(name);
        for (const watcher of watchers) watcher();
        return verdict;
      },
    });
    return {
      names,
      until: async (check: () => boolean) => {
        const { reached, poke } = until(check);
        watchers = [poke];
        poke();
        await reached;
      },
    };
  }

  const get = async (path: string) => {
    const response = await fetch(`http://${pilot.addresses.http}${path}`);
    return { status: response.status, text: await response.text() };
  };
  const getJson = async (path: string) => JSON.parse((await get(path)).text);

  it("waits for its sources, then gives proxies what they should have, and every change", async () => {
    const web = connect("web-1");
    expect(await get("/ready")).toEqual({
      status: 503,
      text: "not ready: waiting for a snapshot of the mesh, source fake\n",
    });
    emit(upsert(service("a")));
    emit({ kind: "synced" });
    await web.until(() => web.names.has("outbound|80||a.default.svc.cluster.local"));
    expect((await get("/ready")).status).toBe(200);

    const started = performance.now();
    emit(upsert(service("b")));
    await web.until(() => web.names.size === 2);
    expect(performance.now() - started).toBeLessThan(1000);
    emit({ kind: "delete", ref: { apiVersion: "v1", kind: "Service", namespace: "default", name: "a" } });
    await web.until(() => web.names.size === 1);
    expect([...web.names]).toEqual(["outbound|80||b.default.svc.cluster.local"]);
  });

  it("withholds an object that cannot be translated, and keeps the last good where translation fails", async () => {
    emit(upsert(service("a")));
    emit({ kind: "synced" });
    const web = connect("web-1");
    await web.until(() => web.names.size === 1);
    emit(upsert(service("bad", 1)));
    emit(upsert(service("b")));
    await web.until(() => web.names.size === 2);
    const snapshots = () => events.filter(({ subject }) => subject === "weft.config.v1.changed").length;
    const before = snapshots();
    const next = until(() => snapshots() > before);
    onEvent = next.poke;
    emit(upsert(service("bug")));
    await next.reached;
    await pilot.engine.idle();
    expect(web.names.size).toBe(2);
    const status = await getJson("/debug/push_status");
    expect(Object.values(status.translation_failed)).toEqual(["a bug in translation"]);
  });

  it("shows how far proxies are, what they should have, and what the mesh is", async () => {
    emit(upsert(service("a")));
    emit({ kind: "synced" });
    const good = connect("good-1");
    await good.until(() => good.names.size === 1);
    const waiting = until(() => events.some(({ subject }) => subject === "weft.proxy.v1.nacked"));
    onEvent = waiting.poke;
    connect("bad-1", reject("cannot: too bad"));
    await waiting.reached;
    onEvent = () => {};

    const [one, other] = await getJson("/debug/syncz");
    expect(one).toMatchObject({
      proxy: "good-1.default",
      cluster_id: "test",
      proxy_type: "sidecar",
      nacks: {},
    });
    expect(one.cluster_sent).toBe(one.cluster_acked);
    expect(other).toMatchObject({
      proxy: "bad-1.default",
      nacks: { cds: expect.stringContaining("too bad") },
    });
    expect(other.cluster_acked).toBeUndefined();

    const dump = await getJson("/debug/config_dump?proxyID=good-1.default");
    expect(dump.configs[0].dynamic_active_clusters[0].cluster).toEqual({
      "@type": typeUrls.cluster,
      name: "outbound|80||a.default.svc.cluster.local",
    });
    expect(await get("/debug/config_dump?proxyID=none")).toEqual({
      status: 404,
      text: "no proxy none is connected to pilot-1; there is bad-1.default, good-1.default\n",
    });
    expect((await getJson("/debug/registryz")).map(({ name }: { name: string }) => name)).toEqual(["a"]);
    expect((await get("/debug")).text).toContain("/debug/syncz");
    const pages: readonly string[] = await getJson("/debug/list");
    for (const path of pages.filter((one) => !/pprof|force/.test(one)))
      expect([path, (await get(`${path}?proxyID=good-1.default`)).status]).toEqual([path, 200]);
    expect(await getJson("/debug/sidecarz?proxyID=good-1.default")).toMatchObject({
      key: "default",
      services: ["a.default.svc.cluster.local"],
    });
    expect(await getJson("/debug/resourcesz")).toMatchObject({ cds: { given: 2, different: 1 } });
    expect(await getJson("/debug/cachez")).toMatchObject({ entries: 0, evictions: 0 });
    const { nodes } = await getJson("/debug/pprof/profile?seconds=0.1");
    expect(nodes.length).toBeGreaterThan(0);
    expect((await get("/debug/pprof/allocs?seconds=1e9")).status).toBe(400);

    const metrics = (await get("/metrics")).text;
    expect(metrics).toMatch(/^pilot_info\{version="test"\} 1$/m);
    expect(metrics).toMatch(/^pilot_xds\{version="unknown"\} 2$/m);
    expect(metrics).toMatch(/^pilot_services 1$/m);
    expect(metrics).toMatch(/^pilot_xds_pushes\{type="cds"\} [2-9]/m);
    expect(metrics).toMatch(/^pilot_total_xds_rejects\{type="cds"\} 1$/m);
    expect(metrics).toMatch(/^pilot_eds_no_instances 1$/m);
    expect(metrics).toMatch(/^xds_cache_reads\{type="(hit|miss)"\} \d+$/m);
    expect(metrics).toMatch(/^pilot_xds_send_time_count\{type="cds"\} \d+$/m);
    expect(metrics).toMatch(/^pilot_proxy_convergence_time_count \d+$/m);
    expect(new Set(events.map(({ subject }) => subject))).toEqual(
      new Set([
        "weft.config.v1.changed",
        "weft.proxy.v1.connected",
        "weft.proxy.v1.acked",
        "weft.proxy.v1.nacked",
      ]),
    );
  });

  it("says which address is taken, and leaves nothing behind", async () => {
    const port = Number(pilot.addresses.http.split(":")[1]);
    const second = createPilot({
      sources: [],
      translate,
      bus: createInProcessBus(silentLogger),
      logger: silentLogger,
      http: { host: "127.0.0.1", port },
      grpc: listen,
      monitoring: listen,
      instance: "pilot-2",
      version: "test",
    });
    await expect(second).rejects.toThrow(`cannot listen on 127.0.0.1:${port}: the port is taken`);
  });
});
