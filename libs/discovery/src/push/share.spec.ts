import { createStore, type NodeInput, parseNode, viewFor } from "@weft/mesh-model";
import { createSharedSets, nodeKey, viewKey } from "./share.ts";

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
const keyOf = (one: ReturnType<typeof node>) => viewKey(viewFor(createStore().snapshot(), one), nodeKey(one));

describe("viewKey()", () => {
  it("is the same for replicas that differ in name alone", () => {
    const replica = node({
      id: "sidecar~10.0.0.1~web-2.default~default.svc.cluster.local",
      metadata: { NAME: "web-2", OWNER: "x" },
    });
    expect(keyOf(replica)).toBe(keyOf(node()));
  });

  it.each([
    ["labels", { metadata: { LABELS: { app: "other" } } }],
    ["namespace", { metadata: { NAMESPACE: "other" } }],
    ["address", { metadata: { INSTANCE_IPS: "10.0.0.2" } }],
    ["metadata", { metadata: { HTTP10: "1" } }],
    ["extensions", { extensions: ["envoy.x"] }],
    ["locality", { locality: { zone: "z" } }],
  ])("differs by %s", (_, change) => {
    expect(keyOf(node(change))).not.toBe(keyOf(node()));
  });
});

describe("createSharedSets()", () => {
  it("makes each key once for a snapshot", () => {
    const shared = createSharedSets<{ value: never; made: number }>();
    let made = 0;
    const get = (version: string, key: string) =>
      shared.get(version, key, () => ({ value: undefined as never, made: ++made })).made;
    expect([get("1", "a"), get("1", "b"), get("1", "a"), get("2", "a"), get("2", "a")]).toEqual([
      1, 2, 1, 3, 3,
    ]);
  });
});
