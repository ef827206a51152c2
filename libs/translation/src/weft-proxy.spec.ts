import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseBootstrap, validateBootstrap } from "@weft/dataplane";
import type { MeshConfig } from "@weft/istio-api";
import type { NodeInput } from "@weft/mesh-model";
import { type EnvoyResources, readDocuments, toStaticBootstrap } from "@weft/testkit";
import { resourcesToJson } from "./resources/to-json.ts";
import { parseObjects, snapshotOf, viewOf } from "./testing/mesh.ts";
import { translate } from "./translate.ts";

const folder = join(import.meta.dirname, "../golden");

describe("translate() for Weft's proxy", () => {
  const cases = readdirSync(folder).filter((file) => file.endsWith(".in.yaml"));
  it.each(cases)("is taken: %s", (file) => {
    const [head, ...rest] = readDocuments(join(folder, file)) as [
      { proxies: NodeInput[]; meshConfig?: Partial<MeshConfig> },
      ...unknown[],
    ]; // written so
    const snapshot = snapshotOf(parseObjects(rest), head.meshConfig);
    // Those that list their extensions are other proxies.
    for (const proxy of head.proxies.filter(({ extensions = [] }) => extensions.length === 0)) {
      const resources = resourcesToJson(translate(viewOf(snapshot, proxy)).value) as EnvoyResources; // JSON objects
      const bootstrap = parseBootstrap([JSON.stringify(toStaticBootstrap(resources))]);
      const errors = validateBootstrap(bootstrap)
        .filter(({ severity }) => severity === "error")
        .map(({ path, message }) => `${path}: ${message}`);
      expect(errors).toEqual([]);
    }
  });
});
