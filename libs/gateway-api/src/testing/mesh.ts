import { formatProblem } from "@weft/base";
import { parseFile } from "@weft/config-sources";
import {
  createStore,
  type MeshObject,
  type MeshSnapshot,
  type NodeInput,
  parseNode,
  viewFor,
} from "@weft/mesh-model";
import { type ResourcesJson, resourcesToJson, translate } from "@weft/translation";
import { kubernetesDerivations } from "../index.ts";

/** YAML text as objects. @throws where one is not sound: the inputs of tests are */
export function parseText(text: string): readonly MeshObject[] {
  const { objects, problems } = parseFile("input.yaml", text);
  const errors = problems.filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new Error(errors.map(formatProblem).join("\n"));
  return objects;
}

/** The mesh that objects make, with all that is derived from them. */
export function snapshotOf(objects: readonly MeshObject[]): MeshSnapshot {
  const store = createStore({ derivations: kubernetesDerivations });
  for (const object of objects) store.apply({ kind: "upsert", object });
  return store.snapshot();
}

/** What a proxy gets. @throws where something had to be withheld */
export function resourcesFor(snapshot: MeshSnapshot, input: NodeInput): ResourcesJson {
  const { value: node } = parseNode(input);
  if (node === undefined) throw new Error(`${input.id} is no node id`);
  const { value, problems } = translate(viewFor(snapshot, node));
  const errors = problems.filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new Error(errors.map(formatProblem).join("\n"));
  return resourcesToJson(value);
}
