import type { Writable } from "node:stream";
import { formatProblem, type Problem } from "@weft/base";
import { loadFiles } from "@weft/config-sources";
import { kubernetesDerivations } from "@weft/gateway-api";
import { createStore, type MeshSnapshot, parseNode, viewFor } from "@weft/mesh-model";
import { resourcesToJson, translate } from "@weft/translation";

/** Options of `weftctl xds generate`. */
export interface XdsGenerateOptions {
  /** Files and folders of YAML, read in this order. */
  readonly config: readonly string[];
  /** xDS node id. */
  readonly node: string;
  /** Node metadata as JSON text. */
  readonly meta: string;
  readonly output: "json" | "yaml";
}

async function loadSnapshot(
  paths: readonly string[],
): Promise<{ readonly snapshot: MeshSnapshot; readonly problems: readonly Problem[] }> {
  const { objects, problems } = await loadFiles(paths);
  const store = createStore({ derivations: kubernetesDerivations });
  for (const object of objects) store.apply({ kind: "upsert", object });
  const snapshot = store.snapshot();
  return { snapshot, problems: [...problems, ...store.problems()] };
}

function parseMeta(text: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(text);
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw new Error("not a JSON object");
  return value as Record<string, unknown>; // an object of JSON has string keys
}

/** Prints the resources a proxy gets; returns the exit code: 1 only where nothing could be generated. */
export async function xdsGenerate(
  options: XdsGenerateOptions,
  out: Writable,
  errors: Writable,
): Promise<number> {
  let metadata: Readonly<Record<string, unknown>>;
  try {
    metadata = parseMeta(options.meta);
  } catch (error) {
    errors.write(
      `weftctl: --meta: ${error instanceof Error ? error.message : String(error)}; it must be a JSON object\n`,
    );
    return 1;
  }
  const node = parseNode({ id: options.node, metadata });
  const loaded = await loadSnapshot(options.config);
  const report = (problems: readonly Problem[]) => {
    for (const problem of problems) errors.write(`${problem.severity}: ${formatProblem(problem)}\n`);
  };
  report([...node.problems, ...loaded.problems]);
  if (node.value === undefined) return 1;
  // What the proxy gets once it has proved to be of the namespace it says.
  const proved = { ...node.value, verifiedNamespace: node.value.namespace };
  const translated = translate(viewFor(loaded.snapshot, proved));
  report(translated.problems);
  const resources = resourcesToJson(translated.value);
  const text =
    options.output === "yaml"
      ? (await import("yaml")).stringify(resources)
      : JSON.stringify(resources, null, 2);
  // Waits for slow readers: what is printed can be larger than a pipe.
  await new Promise<void>((resolve) => out.write(text.endsWith("\n") ? text : `${text}\n`, () => resolve()));
  return 0;
}
