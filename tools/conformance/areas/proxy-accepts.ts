import { formatProblem } from "@weft/base";
import { parseFile } from "@weft/config-sources";
import { compiledExtensions } from "@weft/dataplane/evaluate";
import { kubernetesDerivations } from "@weft/gateway-api";
import { findKind } from "@weft/istio-api";
import { createStore, type MeshObject, type ProxyNode, parseNode } from "@weft/mesh-model";
import { type Area, failed, type Outcome, passed, unsupported } from "../area.ts";
import { generate } from "../generate.ts";
import { refusals } from "../proxy-verdict.ts";
import { isTemplate, readYamlFiles } from "./yaml-files.ts";

const extensions = compiledExtensions().map(({ name }) => name);

/** A proxy of Weft's own kind, with labels that objects may select. */
function nodeWith(type: "sidecar" | "router", namespace: string, labels: Labels): ProxyNode[] {
  const { value } = parseNode({
    id: `${type}~10.244.1.1~app-1.${namespace}~${namespace}.svc.cluster.local`,
    metadata: { NAMESPACE: namespace, LABELS: labels },
    extensions,
  });
  return value === undefined ? [] : [value];
}

type Labels = Readonly<Record<string, string>>;

/** Proxies that the objects are about: in each of their namespaces, without labels and with what each selects. */
function nodesFor(objects: readonly MeshObject[]): ProxyNode[] {
  const namespaces = new Set([
    "default",
    "istio-system",
    ...objects.map(({ metadata }) => metadata.namespace),
  ]);
  const selectors = new Map<string, Labels>();
  for (const labels of [{}, { istio: "ingressgateway" }, ...objects.flatMap(selected)])
    selectors.set(JSON.stringify(labels), labels);
  return [...namespaces].flatMap((namespace) =>
    [...selectors.values()].flatMap((labels) => [
      ...nodeWith("sidecar", namespace, labels),
      ...nodeWith("router", namespace, labels),
    ]),
  );
}

/** The labels that an object selects its workloads by, in whichever of the forms its kind has. */
function selected({ kind, body }: MeshObject): Labels[] {
  const { workloadSelector, selector } = (body.spec ?? {}) as {
    readonly workloadSelector?: { readonly labels?: Labels };
    readonly selector?: Labels & { readonly matchLabels?: Labels };
  }; // parsed, and of known kinds
  const labels =
    workloadSelector?.labels ?? selector?.matchLabels ?? (kind === "Gateway" ? selector : undefined);
  return labels === undefined ? [] : [labels as Labels];
}

/** `proxy:<folder>`: what comes of each file of a folder must load in Weft's proxy. */
export function proxyAccepts(folder: string): Area {
  return {
    name: `proxy:${folder}`,
    folder,
    *run(path) {
      for (const file of readYamlFiles(path)) yield { id: file.path, outcome: load(file.path, file.text) };
    },
  };
}

function load(path: string, text: string): Outcome {
  if (isTemplate(text)) return unsupported("a Go template");
  const objects = parseFile(path, text).objects.filter(isKnown);
  const store = createStore({ derivations: kubernetesDerivations });
  for (const object of objects) store.apply({ kind: "upsert", object });
  const snapshot = store.snapshot();
  for (const node of nodesFor(objects)) {
    const [first] = refusals(generate(snapshot, node).value);
    if (first !== undefined)
      return failed(`${node.type}, ${first.resource}: ${first.problems.map(formatProblem).join("; ")}`);
  }
  return passed;
}

function isKnown({ apiVersion, kind }: MeshObject): boolean {
  return findKind(apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : "", kind) !== undefined;
}
