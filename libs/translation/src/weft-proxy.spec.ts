import { readdirSync } from "node:fs";
import { join } from "node:path";
import { compiledExtensions, parseBootstrap, validateBootstrap } from "@weft/dataplane";
import type { MeshConfig } from "@weft/istio-api";
import type { NodeInput } from "@weft/mesh-model";
import { type EnvoyResources, readDocuments, toStaticBootstrap } from "@weft/testkit";
import { resourcesToJson } from "./resources/to-json.ts";
import { parseObjects, snapshotOf, viewOf } from "./testing/mesh.ts";
import { translate } from "./translate.ts";

const folder = join(import.meta.dirname, "../golden");

/** What Weft's proxy says of itself when it asks for its configuration. */
const ownExtensions = compiledExtensions().map(({ name }) => name);

describe("translate() for Weft's proxy", () => {
  const cases = readdirSync(folder).filter((file) => file.endsWith(".in.yaml"));
  it.each(cases)("is taken: %s", (file) => {
    const [head, ...rest] = readDocuments(join(folder, file)) as [
      { proxies: NodeInput[]; meshConfig?: Partial<MeshConfig> },
      ...unknown[],
    ]; // written so
    const snapshot = snapshotOf(parseObjects(rest), head.meshConfig);
    // Whatever the golden's proxy lists, Weft's own lists what it has; one without a list may be Weft's, too.
    const proxies = head.proxies.flatMap((proxy) => [
      ...((proxy.extensions ?? []).length === 0 ? [proxy] : []),
      { ...proxy, extensions: ownExtensions },
    ]);
    for (const proxy of proxies) {
      const resources = resourcesToJson(translate(viewOf(snapshot, proxy)).value) as EnvoyResources; // JSON objects
      const bootstrap = parseBootstrap([JSON.stringify(toStaticBootstrap(resources))]);
      const errors = validateBootstrap(bootstrap)
        .filter(({ severity }) => severity === "error")
        .map(({ path, message }) => `${path}: ${message}`);
      expect(errors).toEqual([]);
    }
  });
});
