import { formatProblem } from "@weft/base";
import { parseFile } from "@weft/config-sources";
import { decodeMeshConfig } from "@weft/discovery";
import { kubernetesDerivations } from "@weft/gateway-api";
import type { MeshConfig } from "@weft/istio-api";
import { createStore, type MeshSnapshot, type NodeInput, type ProxyNode, parseNode } from "@weft/mesh-model";

/** The settings of MeshConfig that cases differ in, by its own names. */
export interface MeshSettings {
  readonly outboundTrafficPolicy?: { readonly mode: string };
  readonly inboundTrafficPolicy?: { readonly mode: string };
  readonly trustDomain?: string;
  readonly trustDomainAliases?: readonly string[];
  readonly extensionProviders?: readonly Readonly<Record<string, unknown>>[];
}

/** A mesh given as YAML texts, and the proxy that looks at it. */
export interface MeshInput {
  readonly texts: readonly string[];
  readonly node: NodeInput;
  /** What differs from the defaults, as MeshConfig has it. */
  readonly meshConfig?: MeshSettings;
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

function readMeshConfig(settings: MeshSettings = {}): MeshConfig {
  const { value, problems } = decodeMeshConfig(settings);
  const [problem] = problems;
  if (problem) throw new Error(formatProblem(problem));
  return value;
}
