import { defaultMeshConfig, type MeshConfig } from "@weft/istio-api";
import { createStore } from "@weft/mesh-model";
import { anySidecar, generate } from "../testing/mesh.ts";

describe("virtualOutbound()", () => {
  it.each<[MeshConfig["outboundTrafficPolicy"], string, readonly string[]]>([
    ["ALLOW_ANY", "PassthroughCluster", []],
    ["REGISTRY_ONLY", "BlackHoleCluster", []],
    [
      "ALLOW_ANY_DYNAMIC_DNS",
      "PassthroughCluster",
      ["ALLOW_ANY_DYNAMIC_DNS is not supported; requests to unknown hosts go as with ALLOW_ANY"],
    ],
  ])("with %s sends what nobody knows to %s", (outboundTrafficPolicy, cluster, messages) => {
    const store = createStore({ meshConfig: { ...defaultMeshConfig, outboundTrafficPolicy } });
    const { resources, problems } = generate(store.snapshot(), anySidecar);
    const listener = resources.listeners.virtualOutbound as {
      filter_chains: { name: string; filters: { typed_config: { cluster: string } }[] }[];
    }; // Envoy's JSON
    const chain = listener.filter_chains.find(({ name }) => name === "virtualOutbound-catchall-tcp");
    expect(chain?.filters.at(-1)?.typed_config.cluster).toBe(cluster);
    expect(problems.map(({ message }) => message)).toEqual(messages);
  });
});
