import { parseFile } from "@weft/config-sources";
import { kubernetesDerivations } from "@weft/gateway-api";
import { defaultMeshConfig, type MeshConfig } from "@weft/istio-api";
import { createStore, type MeshSnapshot, type NodeInput, type ProxyNode, parseNode } from "@weft/mesh-model";

/** A mesh given as YAML texts, and the proxy that looks at it. */
export interface MeshInput {
  readonly texts: readonly string[];
  readonly node: NodeInput;
  /** What differs from the defaults, as MeshConfig has it. */
  readonly meshConfig?: { readonly outboundTrafficPolicy?: { readonly mode: string } };
}

/** Reads a mesh. Objects that break a rule are taken all the same: the cases test what comes of them. */
export function loadMesh({ texts, node, meshConfig }: MeshInput): {
  snapshot: MeshSnapshot;
  node: ProxyNode;
} {
  const store = createStore({
    meshConfig: readMeshConfig(meshConfig),
    derivations: kubernetesDerivations,
  });
  for (const text of texts) {
    for (const object of parseFile("case", text).objects) store.apply({ kind: "upsert", object });
  }
  const parsed = parseNode(node).value;
  if (parsed === undefined) throw new Error(`${node.id} is no node id`);
  return { snapshot: store.snapshot(), node: parsed };
}

function readMeshConfig(config: MeshInput["meshConfig"]): MeshConfig {
  const mode = config?.outboundTrafficPolicy?.mode ?? defaultMeshConfig.outboundTrafficPolicy;
  if (mode !== "ALLOW_ANY" && mode !== "REGISTRY_ONLY") throw new Error(`outboundTrafficPolicy ${mode}`);
  return { ...defaultMeshConfig, outboundTrafficPolicy: mode };
}
