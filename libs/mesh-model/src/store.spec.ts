import { OverlayMap } from "@weft/base";
import { defaultMeshConfig } from "@weft/istio-api";
import fc from "fast-check";
import { type MeshObject, objectKey, refOf } from "./object.ts";
import { endpointsOf, type MeshSnapshot } from "./snapshot.ts";
import { createStore } from "./store.ts";
import { anObject, aPod, aService, aSlice, shuffled, snapshotOf } from "./testing/objects.ts";

const node = (name: string, zone: string) =>
  anObject(
    "Node",
    name,
    {},
    { labels: { "topology.kubernetes.io/region": "r", "topology.kubernetes.io/zone": zone } },
  );

const mesh = [
  anObject("Namespace", "default"),
  node("node-a", "zone-a"),
  node("node-b", "zone-b"),
  aService("web"),
  aService("db", { created: "2020-01-01T00:00:00Z" }),
  aPod("web-1", "10.1.0.1", { labels: { app: "web", version: "v1", "security.istio.io/tlsMode": "istio" } }),
  aPod("web-2", "10.1.0.2", { labels: { app: "web" }, spec: { nodeName: "node-b" } }),
  aSlice("web", [["web-2", "10.1.0.2"]], { name: "web-b" }),
  aSlice("web", [["web-1", "10.1.0.1"]], { name: "web-a" }),
  anObject("VirtualService", "web", {
    hosts: ["web"],
    http: [{ route: [{ destination: { host: "web" } }] }],
  }),
  anObject("DestinationRule", "web", { host: "web" }),
  anObject("ServiceEntry", "ext", {
    hosts: ["api.example.com"],
    resolution: "DNS",
    ports: [{ number: 443, name: "tls", protocol: "TLS" }],
  }),
];

const service = (snapshot: MeshSnapshot, hostname: string) => {
  const found = snapshot.services.byHostname.get(hostname)?.[0];
  if (!found) throw new Error(`no ${hostname}`);
  return found;
};
const web = "web.default.svc.cluster.local";
/** All but the memo, maps as lists in order of their keys. */
const content = (snapshot: MeshSnapshot) =>
  JSON.stringify({ ...snapshot, memo: undefined }, (_key, value: unknown) =>
    value instanceof Map || value instanceof OverlayMap
      ? [...value].sort(([a], [b]) => (a < b ? -1 : 1))
      : value,
  );

describe("createStore()", () => {
  it("gives the same snapshot whatever the order of events", () => {
    const expected = snapshotOf(mesh);
    for (const seed of [1, 2, 3, 4, 5]) {
      const other = snapshotOf(shuffled(mesh, seed));
      expect(other.version).toBe(expected.version);
      expect(content(other)).toBe(content(expected));
    }
  });

  it("gives the same snapshot built step by step as built at once", () => {
    const store = createStore();
    store.apply({ kind: "upsert", object: aService("gone") });
    for (const object of shuffled(mesh, 7)) {
      store.apply({ kind: "upsert", object });
      store.snapshot();
    }
    store.apply({ kind: "delete", ref: refOf(aService("gone")) });
    expect(content(store.snapshot())).toBe(content(snapshotOf(mesh)));
  });

  it("gives the snapshot of what is left after any changes", () => {
    const variants = [
      ...mesh,
      aPod("web-1", "10.1.0.7", { labels: { app: "web", version: "v2" } }),
      aSlice("web", [["web-1", "10.1.0.7"]], { name: "web-a", port: 9090 }),
      aSlice("db", [["web-2", "10.1.0.2"]], { name: "web-b" }),
      aService("web", { spec: { clusterIP: "None" } }),
      node("node-a", "zone-c"),
      anObject("DestinationRule", "web", { host: "db" }),
      anObject("ServiceEntry", "ext", {
        hosts: [web],
        ports: [{ number: 80, name: "http" }],
        resolution: "DNS",
      }),
    ];
    const change = fc.record({ pick: fc.nat(variants.length - 1), remove: fc.boolean(), look: fc.boolean() });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        const store = createStore();
        const left = new Map<string, MeshObject>();
        for (const { pick, remove, look } of changes) {
          const object = variants[pick] as MeshObject;
          const key = objectKey(refOf(object));
          store.apply(remove ? { kind: "delete", ref: refOf(object) } : { kind: "upsert", object });
          if (remove) left.delete(key);
          else left.set(key, object);
          if (look) store.snapshot();
        }
        expect(content(store.snapshot())).toBe(content(snapshotOf([...left.values()])));
      }),
      { numRuns: 60 },
    );
  });

  it("gives the endpoints of now without the configuration of now", () => {
    const store = createStore();
    for (const object of mesh) store.apply({ kind: "upsert", object });
    const before = store.snapshot();
    store.apply({ kind: "upsert", object: aService("new") });
    expect(store.snapshot("endpoints")).toBe(before);
    store.apply({ kind: "upsert", object: aSlice("web", [["web-1", "10.1.0.1"]], { name: "web-b" }) });
    const between = store.snapshot("endpoints");
    expect(between.services).toBe(before.services);
    expect(endpointsOf(between, service(between, web))).toHaveLength(1);
    const now = store.snapshot();
    expect(now.services.all).toHaveLength(before.services.all.length + 1);
    expect(endpointsOf(now, service(now, web))).toBe(endpointsOf(between, service(between, web)));
  });

  it("orders services by age, then by name", () => {
    expect(snapshotOf(mesh).services.all.map(({ name }) => name)).toEqual(["ext", "web", "db"]);
  });

  it("joins slices, pods and nodes to endpoints", () => {
    const snapshot = snapshotOf(mesh);
    expect(endpointsOf(snapshot, service(snapshot, web))).toMatchObject([
      {
        address: "10.1.0.1",
        port: 8080,
        servicePortName: "http",
        health: "HEALTHY",
        locality: { region: "r", zone: "zone-a" },
        workloadName: "web-1",
        canonicalName: "web",
        canonicalRevision: "v1",
        serviceAccount: "sa",
        tlsMode: "istio",
        labels: {
          version: "v1",
          "topology.kubernetes.io/zone": "zone-a",
          "topology.istio.io/cluster": "Kubernetes",
        },
      },
      { address: "10.1.0.2", locality: { zone: "zone-b" }, canonicalRevision: "", tlsMode: "disabled" },
    ]);
  });

  it("is the same snapshot where nothing reads differently", () => {
    const store = createStore();
    for (const object of mesh) store.apply({ kind: "upsert", object });
    const before = store.snapshot();
    const pod = aPod("web-1", "10.1.0.1", {
      labels: { app: "web", version: "v1", "security.istio.io/tlsMode": "istio" },
    });
    const noisy = {
      ...pod,
      metadata: { ...pod.metadata, resourceVersion: "2", annotations: { note: "seen" } },
      body: { ...pod.body, status: { phase: "Running", podIP: "10.1.0.1", conditions: [] } },
    };
    expect(store.apply({ kind: "upsert", object: noisy })).toBe(false);
    const rule = anObject(
      "DestinationRule",
      "web",
      {},
      { body: { spec: { host: "web" }, status: { seen: true } } },
    );
    expect(store.apply({ kind: "upsert", object: rule })).toBe(false);
    const slice = aSlice("web", [["web-1", "10.1.0.1"]], { name: "web-a" });
    const triggered = {
      ...slice,
      metadata: { ...slice.metadata, annotations: { "last-change-trigger-time": "now" } },
    };
    expect(store.apply({ kind: "upsert", object: triggered })).toBe(false);
    expect(store.setMeshConfig({ ...defaultMeshConfig })).toBe(false);
    expect(store.apply({ kind: "delete", ref: refOf(aService("unknown")) })).toBe(false);
    expect(store.snapshot()).toBe(before);
  });

  it("takes over what a change does not touch", () => {
    const store = createStore();
    for (const object of [...mesh, aSlice("db", [])]) store.apply({ kind: "upsert", object });
    const before = store.snapshot();
    store.apply({ kind: "upsert", object: aSlice("db", [["web-1", "10.1.0.1"]]) });
    const after = store.snapshot();
    expect(after.version).not.toBe(before.version);
    expect(after.configVersion).toBe(before.configVersion);
    expect(after.services).toBe(before.services);
    expect(after.configs.virtualServices).toBe(before.configs.virtualServices);
    expect(after.memo).toBe(before.memo);
    expect(endpointsOf(after, service(after, web))).toBe(endpointsOf(before, service(before, web)));
    store.apply({ kind: "upsert", object: anObject("DestinationRule", "web", { host: "other" }) });
    const last = store.snapshot();
    expect(last.configs.virtualServices).toBe(before.configs.virtualServices);
    expect(last.endpoints).toBe(after.endpoints);
    expect(last.memo).not.toBe(before.memo);
  });

  it("reads an endpoint once its pod is known, and anew when its node is", () => {
    const store = createStore();
    store.apply({ kind: "upsert", object: aService("web") });
    store.apply({ kind: "upsert", object: aSlice("web", [["web-1", "10.1.0.1"]]) });
    const endpoints = () => endpointsOf(store.snapshot(), service(store.snapshot(), web));
    expect(endpoints()).toEqual([]);
    store.apply({ kind: "upsert", object: aPod("web-1", "10.1.0.1") });
    expect(endpoints()).toMatchObject([{ address: "10.1.0.1", locality: { zone: "" } }]);
    store.apply({ kind: "upsert", object: node("node-a", "zone-a") });
    expect(endpoints()).toMatchObject([{ locality: { zone: "zone-a" } }]);
    store.apply({ kind: "delete", ref: refOf(aPod("web-1", "10.1.0.1")) });
    expect(endpoints()).toEqual([]);
  });

  it("takes the endpoints of a slice that moves from the service it was of", () => {
    const store = createStore();
    for (const object of [...mesh, aSlice("web", [["web-1", "10.1.0.1"]], { name: "moving", port: 7 })])
      store.apply({ kind: "upsert", object });
    const ports = (name: string) =>
      endpointsOf(store.snapshot(), service(store.snapshot(), name)).map(({ port }) => port);
    expect(ports(web)).toEqual([7, 8080, 8080]);
    store.apply({
      kind: "upsert",
      object: aSlice("db", [["web-1", "10.1.0.1"]], { name: "moving", port: 7 }),
    });
    expect(ports(web)).toEqual([8080, 8080]);
    expect(ports("db.default.svc.cluster.local")).toEqual([7]);
  });

  it("reads everything anew under another mesh config", () => {
    const store = createStore();
    for (const object of mesh) store.apply({ kind: "upsert", object });
    store.snapshot();
    store.setMeshConfig({ ...defaultMeshConfig, domainSuffix: "mesh.local", defaultServiceExportTo: ["."] });
    const { services, configs, endpoints } = store.snapshot();
    expect(services.byHostname.get("web.default.svc.mesh.local")).toMatchObject([
      { exportTo: { kind: "namespaces", namespaces: ["default"] } },
    ]);
    expect(configs.virtualServices[0]?.spec.hosts).toEqual(["web.default.svc.mesh.local"]);
    expect(endpoints.get("default/web.default.svc.mesh.local")).toHaveLength(2);
  });

  it("keeps the problems of each origin until it is sound", () => {
    const store = createStore();
    const problem = { severity: "error", code: "x", path: "", message: "no" } as const;
    store.apply({ kind: "problems", origin: "b.yaml", problems: [problem] });
    store.apply({ kind: "problems", origin: "a.yaml", problems: [{ ...problem, message: "first" }] });
    expect(store.problems().map(({ message }) => message)).toEqual(["first", "no"]);
    store.apply({ kind: "problems", origin: "b.yaml", problems: [] });
    expect(store.problems().map(({ message }) => message)).toEqual(["first"]);
  });
});

describe("snapshot", () => {
  it("makes names in configuration whole", () => {
    const snapshot = snapshotOf([
      anObject("VirtualService", "v", {
        hosts: ["web", "*.example.com"],
        gateways: ["edge", "infra/edge", "mesh"],
        http: [
          {
            match: [{ gateways: ["edge"] }],
            route: [{ destination: { host: "web", subset: "v1" } }],
            mirror: { host: "db" },
          },
        ],
        tcp: [{ route: [{ destination: { host: "db.other" } }] }],
      }),
      anObject("Gateway", "edge", {
        servers: [
          {
            port: { number: 80, name: "http", protocol: "HTTP" },
            hosts: ["./a.example.com", "*/b.example.com", "web"],
          },
        ],
      }),
    ]);
    expect(snapshot.configs.virtualServices[0]?.spec).toMatchObject({
      hosts: [web, "*.example.com"],
      gateways: ["default/edge", "infra/edge", "mesh"],
      http: [
        {
          match: [{ gateways: ["default/edge"] }],
          route: [{ destination: { host: web, subset: "v1" } }],
          mirror: { host: "db.default.svc.cluster.local" },
        },
      ],
      tcp: [{ route: [{ destination: { host: "db.other" } }] }],
    });
    expect(snapshot.configs.gateways[0]?.spec.servers?.[0]?.hosts).toEqual([
      "default/a.example.com",
      "*/b.example.com",
      web,
    ]);
  });

  it("counts an address once that stands in two slices, the healthier", () => {
    const slice = (name: string, ready: boolean) =>
      anObject(
        "EndpointSlice",
        name,
        {},
        {
          labels: { "kubernetes.io/service-name": "web" },
          body: {
            addressType: "IPv4",
            endpoints: [{ addresses: ["10.1.0.9"], conditions: { ready } }],
            ports: [{ name: "http", port: 8080 }, { name: "none" }],
          },
        },
      );
    const snapshot = snapshotOf([aService("web"), slice("a", false), slice("b", true)]);
    expect(endpointsOf(snapshot, service(snapshot, web))).toMatchObject([
      { address: "10.1.0.9", health: "HEALTHY" },
    ]);
  });

  it("takes an address of two slices from the first by name", () => {
    const slices = [
      aSlice("web", [["web-1", "10.1.0.1"]], { name: "b" }),
      aSlice("web", [["web-2", "10.1.0.1"]], { name: "a" }),
    ];
    for (const objects of [slices, [...slices].reverse()]) {
      const snapshot = snapshotOf([
        aService("web"),
        aPod("web-1", "10.1.0.1"),
        aPod("web-2", "10.1.0.1"),
        ...objects,
      ]);
      expect(endpointsOf(snapshot, service(snapshot, web))).toMatchObject([{ podName: "web-2" }]);
    }
  });

  it("reads the endpoints of ServiceEntries: given, selected, or the host itself", () => {
    const entry = (name: string, spec: object) =>
      anObject("ServiceEntry", name, {
        hosts: [`${name}.example.com`],
        ports: [{ number: 443, name: "tls", protocol: "TLS", targetPort: 8443 }],
        ...spec,
      });
    const snapshot = snapshotOf([
      entry("dns", { resolution: "DNS" }),
      entry("static", {
        resolution: "STATIC",
        endpoints: [
          { address: "1.1.1.1", ports: { tls: 9443 }, locality: "r/z" },
          { address: "1.1.1.2", weight: 3 },
        ],
      }),
      entry("selected", {
        resolution: "STATIC",
        location: "MESH_INTERNAL",
        workloadSelector: { labels: { app: "vm" } },
      }),
      anObject("WorkloadEntry", "vm-1", { address: "2.2.2.2", labels: { app: "vm" }, serviceAccount: "vm" }),
      anObject("WorkloadEntry", "vm-2", { address: "2.2.2.3", labels: { app: "other" } }),
      aPod("pod", "10.1.0.1", { labels: { app: "vm" } }),
      entry("none", {}),
    ]);
    const of = (name: string) =>
      endpointsOf(snapshot, service(snapshot, `${name}.example.com`)).map(
        ({ address, port, weight }) => `${address}:${port}*${weight}`,
      );
    expect(of("dns")).toEqual(["dns.example.com:8443*1"]);
    expect(of("static")).toEqual(["1.1.1.1:9443*1", "1.1.1.2:8443*3"]);
    expect(of("selected")).toEqual(["2.2.2.2:8443*1", "10.1.0.1:8443*1"]);
    expect(of("none")).toEqual([]);
  });
});
