import { formatProblem, type Problem } from "@weft/base";
import { parseFile } from "@weft/config-sources";
import { defaultMeshConfig, type MeshConfig } from "@weft/istio-api";
import {
  createStore,
  type MeshObject,
  type MeshSnapshot,
  type NodeInput,
  type ProxyView,
  parseNode,
  viewFor,
} from "@weft/mesh-model";
import { toYaml } from "@weft/testkit";
import { type ResourcesJson, resourcesToJson } from "../resources/to-json.ts";
import { translate } from "../translate.ts";

/** YAML text as objects. @throws where one is not sound: the inputs of tests are */
export function parseText(text: string): readonly MeshObject[] {
  const { objects, problems } = parseFile("input.yaml", text);
  const errors = problems.filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new Error(errors.map(formatProblem).join("\n"));
  return objects;
}

/** Documents as objects; see {@link parseText}. */
export function parseObjects(documents: readonly unknown[]): readonly MeshObject[] {
  return parseText(documents.map(toYaml).join("---\n"));
}

/** The mesh that objects make, with what its settings say besides the defaults. */
export function snapshotOf(
  objects: readonly MeshObject[],
  meshConfig: Partial<MeshConfig> = {},
): MeshSnapshot {
  const store = createStore({ meshConfig: { ...defaultMeshConfig, ...meshConfig } });
  for (const object of objects) store.apply({ kind: "upsert", object });
  return store.snapshot();
}

/** What a proxy sees. @throws where the node cannot be read */
export function viewOf(snapshot: MeshSnapshot, node: NodeInput): ProxyView {
  const parsed = parseNode(node);
  if (parsed.value === undefined) throw new Error(parsed.problems.map(formatProblem).join("\n"));
  return viewFor(snapshot, parsed.value);
}

/** What a proxy gets, as JSON, with the problems there were. */
export function generate(
  snapshot: MeshSnapshot,
  node: NodeInput,
): { readonly resources: ResourcesJson; readonly problems: readonly Problem[] } {
  const { value, problems } = translate(viewOf(snapshot, node));
  return { resources: resourcesToJson(value), problems };
}

/** A sidecar in namespace `default` for specs that do not care which. */
export const anySidecar: NodeInput = {
  id: "sidecar~10.0.0.9~client-1.default~default.svc.cluster.local",
  metadata: { LABELS: { app: "client" } },
};
