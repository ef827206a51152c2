import { formatProblem } from "@weft/base";
import { parseFile } from "@weft/config-sources";
import { kubernetesDerivations } from "@weft/gateway-api";
import { findKind } from "@weft/istio-api";
import { createStore, type MeshObject, type ProxyNode, parseNode } from "@weft/mesh-model";
import { validateConfig } from "@weft/validation";
import { type Area, failed, type Outcome, passed, unsupported } from "../area.ts";
import { generate } from "../generate.ts";
import { isTemplate, readYamlFiles } from "./yaml-files.ts";

/** The proxies that each input is translated for. */
const nodes: readonly ProxyNode[] = [
  parseNode({ id: "sidecar~10.244.1.1~app-1.default~default.svc.cluster.local", metadata: {} }).value,
  parseNode({
    id: "router~10.244.1.2~gateway-1.istio-system~istio-system.svc.cluster.local",
    metadata: { LABELS: { istio: "ingressgateway" } },
  }).value,
].filter((node) => node !== undefined);

/** Files of sound objects: each must be taken without an error and translated without a crash or a broken resource. */
export function acceptedInputs(name: string): Area {
  return {
    name,
    folder: name,
    *run(folder) {
      for (const { path, text } of readYamlFiles(folder)) yield { id: path, outcome: accept(path, text) };
    },
  };
}

function accept(path: string, text: string): Outcome {
  if (isTemplate(text)) return unsupported("a Go template");
  const { objects, problems } = parseFile(path, text, (object) => validateConfig(object));
  const error = problems.find(({ severity }) => severity === "error");
  if (error) return failed(formatProblem(error));
  try {
    return translate(objects);
  } catch (cause) {
    return failed(`threw ${cause instanceof Error ? cause.stack : cause}`);
  }
}

function translate(objects: readonly MeshObject[]): Outcome {
  const store = createStore({ derivations: kubernetesDerivations });
  for (const object of objects.filter(isKnown)) store.apply({ kind: "upsert", object });
  const snapshot = store.snapshot();
  for (const node of nodes) {
    const withheld = generate(snapshot, node).problems.find(({ severity }) => severity === "error");
    if (withheld) return failed(formatProblem(withheld));
  }
  return passed;
}

function isKnown({ apiVersion, kind }: MeshObject): boolean {
  return findKind(apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : "", kind) !== undefined;
}
