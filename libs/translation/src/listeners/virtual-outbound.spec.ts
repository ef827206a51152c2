import type { MeshConfig } from "@weft/istio-api";
import { anySidecar, generate, snapshotOf } from "../testing/mesh.ts";

describe("virtualOutbound()", () => {
  it.each<[MeshConfig["outboundTrafficPolicy"], string]>([
    ["ALLOW_ANY", "PassthroughCluster"],
    ["REGISTRY_ONLY", "BlackHoleCluster"],
    ["ALLOW_ANY_DYNAMIC_DNS", "PassthroughCluster"],
  ])("with %s sends what nobody knows to %s", (outboundTrafficPolicy, cluster) => {
    const { resources, problems } = generate(snapshotOf([], { outboundTrafficPolicy }), anySidecar);
    const listener = resources.listeners.virtualOutbound as {
      filter_chains: { name: string; filters: { typed_config: { cluster: string } }[] }[];
    }; // Envoy's JSON
    const chain = listener.filter_chains.find(({ name }) => name === "virtualOutbound-catchall-tcp");
    expect(chain?.filters.at(-1)?.typed_config.cluster).toBe(cluster);
    expect(problems).toEqual([]);
  });

  it("says where hosts are not looked up though they should be", () => {
    const snapshot = snapshotOf([], { outboundTrafficPolicy: "ALLOW_ANY_DYNAMIC_DNS" });
    const { problems } = generate(snapshot, { ...anySidecar, extensions: ["envoy.filters.http.router"] });
    expect(problems.map(({ message }) => message)).toEqual([
      "the proxy lacks envoy.filters.http.dynamic_forward_proxy; its requests to unknown hosts go as with ALLOW_ANY",
    ]);
  });
});
