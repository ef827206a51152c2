import { createStore, type NodeInput, parseNode, viewFor } from "@weft/mesh-model";
import { headlessAddresses, nodeKey, viewKey } from "./share.ts";

const node = (change: Partial<NodeInput> & { metadata?: object } = {}) => {
  const { metadata, ...rest } = change;
  const { value } = parseNode({
    id: "sidecar~10.0.0.1~web-1.default~default.svc.cluster.local",
    ...rest,
    metadata: {
      NAMESPACE: "default",
      NAME: "web-1",
      LABELS: { app: "web" },
      INSTANCE_IPS: "10.0.0.1",
      ...metadata,
    },
  });
  if (value === undefined) throw new Error("the node of this test is broken");
  return value;
};
/** A headless service with one endpoint. */
function snapshotOf() {
  const store = createStore();
  const metadata = { name: "db", namespace: "default", labels: {}, annotations: {} };
  const spec = { clusterIP: "None", ports: [{ name: "tcp", port: 1 }] };
  store.apply({ kind: "upsert", object: { apiVersion: "v1", kind: "Service", metadata, body: { spec } } });
  store.apply({
    kind: "upsert",
    object: {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { ...metadata, labels: { "kubernetes.io/service-name": "db" } },
      body: {
        addressType: "IPv4",
        ports: [{ name: "tcp", port: 1 }],
        endpoints: [{ addresses: ["10.0.0.7"] }],
      },
    },
  });
  return store.snapshot();
}
const snapshot = snapshotOf();
const keyOf = (one: ReturnType<typeof node>) =>
  viewKey(viewFor(snapshot, one), nodeKey(one), () => headlessAddresses(snapshot));

describe("viewKey()", () => {
  it("is the same for replicas, which differ in name and address", () => {
    const replica = node({
      id: "sidecar~10.0.0.2~web-2.default~default.svc.cluster.local",
      metadata: { NAME: "web-2", OWNER: "x", INSTANCE_IPS: "10.0.0.2" },
    });
    expect(keyOf(replica)).toBe(keyOf(node()));
  });

  it("differs between replicas where an EnvoyFilter asks for what tells them apart", () => {
    const store = createStore();
    const match = { proxy: { metadata: { NAME: "web-2" } } };
    const spec = { configPatches: [{ applyTo: "CLUSTER", match, patch: { operation: "REMOVE" } }] };
    const metadata = { name: "one", namespace: "default", labels: {}, annotations: {} };
    const apiVersion = "networking.istio.io/v1alpha3";
    store.apply({
      kind: "upsert",
      object: { apiVersion, kind: "EnvoyFilter", metadata, body: { spec } },
    });
    const asking = store.snapshot();
    const [one, other] = ["web-1", "web-2"].map((NAME) => {
      const replica = node({ metadata: { NAME } });
      return viewKey(viewFor(asking, replica), nodeKey(replica), () => new Set());
    });
    expect(one).not.toBe(other);
  });

  it.each([
    ["nothing is intercepted", { INTERCEPTION_MODE: "NONE" }, "10.0.0.2"],
    ["it is an endpoint of a headless service", {}, "10.0.0.7"],
  ])("differs by address where %s", (_, metadata, address) => {
    const [one, other] = ["10.0.0.1", address].map((ip) =>
      node({ metadata: { ...metadata, INSTANCE_IPS: ip } }),
    );
    expect(keyOf(one!)).not.toBe(keyOf(other!));
  });

  it.each([
    ["labels", { metadata: { LABELS: { app: "other" } } }],
    ["namespace", { metadata: { NAMESPACE: "other" } }],
    ["metadata", { metadata: { HTTP10: "1" } }],
    ["extensions", { extensions: ["envoy.x"] }],
    ["locality", { locality: { zone: "z" } }],
  ])("differs by %s", (_, change) => {
    expect(keyOf(node(change))).not.toBe(keyOf(node()));
  });
});
