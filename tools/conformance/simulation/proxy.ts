import { formatProblem } from "@weft/base";
import { compiledExtensions } from "@weft/dataplane/evaluate";
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
  ipAddresses = [],
  ...proxy
}: SimulationProxy): NodeInput {
  return {
    id: `${type}~${ipAddresses[0] ?? ip}~app.${namespace}~${namespace}.svc.cluster.local`,
    metadata: {
      // What a real agent says of itself, which has the mesh's certificates; Istio 1.23 as upstream's proxies.
      ISTIO_VERSION: "1.23.0",
      ...renamed(proxy.metadata ?? {}),
      ...(ipAddresses.length > 0 ? { INSTANCE_IPS: ipAddresses.join(",") } : {}),
      ...(proxy.labels ? { LABELS: proxy.labels } : {}),
      NAMESPACE: namespace,
    },
    // The calls are walked through what Weft's proxy compiles.
    extensions: compiledExtensions().map(({ name }) => name),
  };
}

/** Metadata by the names that agents send, where cases have those of Go's fields: `DNSCapture` is `DNS_CAPTURE`. */
function renamed(metadata: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const toWords = (name: string) => name.replace(/([a-z\d])([A-Z])|([A-Z])([A-Z][a-z])/g, "$1$3_$2$4");
  return Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [toWords(name).toUpperCase(), value]),
  );
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
