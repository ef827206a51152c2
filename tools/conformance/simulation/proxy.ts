import { formatProblem } from "@weft/base";
import type { ResourceSet } from "@weft/envoy-api";
import type { NodeInput } from "@weft/mesh-model";
import { generate } from "../generate.ts";
import { loadMesh, type MeshInput } from "../load-mesh.ts";
import type { SimulationProxy } from "./case.ts";

/** The node of a case's proxy; what is absent has the defaults of the folder's README. */
export function nodeOf({
  type = "sidecar",
  namespace = "default",
  ip = "1.1.1.1",
  ...proxy
}: SimulationProxy): NodeInput {
  return {
    id: `${type}~${ip}~app.${namespace}~${namespace}.svc.cluster.local`,
    metadata: {
      // What a real agent says of itself, which has the mesh's certificates; Istio 1.23 as upstream's proxies.
      ISTIO_VERSION: "1.23.0",
      ...proxy.metadata,
      ...(proxy.labels ? { LABELS: proxy.labels } : {}),
      NAMESPACE: namespace,
    },
    // None of Istio's own filters: the calls are walked through what Weft's proxy compiles.
    extensions: [],
  };
}

/** What a case's proxy gets. Throws where a resource is withheld. */
export function resourcesFor(
  input: Omit<MeshInput, "node"> & { readonly proxy: SimulationProxy },
): ResourceSet {
  const { snapshot, node } = loadMesh({ ...input, node: nodeOf(input.proxy) });
  const { value, problems } = generate(snapshot, node);
  const error = problems.find(({ severity }) => severity === "error");
  if (error) throw new Error(`withheld: ${formatProblem(error)}`);
  return value;
}

/** A message of a failure. */
export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
