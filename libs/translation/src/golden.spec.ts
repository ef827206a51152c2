import { readdirSync } from "node:fs";
import { join } from "node:path";
import { formatProblem } from "@weft/base";
import type { MeshConfig } from "@weft/istio-api";
import type { NodeInput } from "@weft/mesh-model";
import { describeGolden, describeWithPeer, readDocuments } from "@weft/testkit";
import { type ResourcesJson, resourcesToJson } from "./resources/to-json.ts";
import { envoyViolations, violationsOf } from "./testing/expectations.ts";
import { parseObjects, snapshotOf, viewOf } from "./testing/mesh.ts";
import { translate } from "./translate.ts";

/** The first document of an input: for whom to translate the rest, and what of it to put into the output. */
interface GoldenHead {
  /** What differs from the defaults. */
  readonly meshConfig?: Partial<MeshConfig>;
  readonly proxies: readonly (NodeInput & {
    readonly name: string;
    readonly show: Readonly<Partial<Record<keyof ResourcesJson, readonly string[]>>>;
  })[];
}

const folder = join(import.meta.dirname, "../golden");

function run(documents: readonly unknown[]) {
  const [head, ...rest] = documents as [GoldenHead, ...unknown[]]; // inputs are written so
  const snapshot = snapshotOf(parseObjects(rest), head.meshConfig);
  return head.proxies.map((proxy) => ({ proxy, ...translate(viewOf(snapshot, proxy)) }));
}

function pick(resources: ResourcesJson, show: GoldenHead["proxies"][number]["show"]) {
  return Object.fromEntries(
    Object.entries(show).map(([section, names]) => {
      const all = resources[section as keyof ResourcesJson] ?? {}; // a section by its type
      return [section, Object.fromEntries(names.map((name) => [name, all[name] ?? null]))];
    }),
  );
}

describeGolden("translate()", {
  folder,
  run: (documents) =>
    run(documents).map(({ proxy, value, problems }) => {
      const resources = resourcesToJson(value);
      expect(violationsOf(value)).toEqual([]);
      return {
        proxy: proxy.name,
        problems: problems.map((problem) => `${problem.code}: ${formatProblem(problem)}`),
        names: Object.fromEntries(
          Object.entries(resources).map(([section, all]) => [section, Object.keys(all)]),
        ),
        ...pick(resources, proxy.show),
      };
    }),
});

describeWithPeer("envoy", "translate() for real Envoy", () => {
  const cases = readdirSync(folder).filter((file) => file.endsWith(".in.yaml"));
  it.each(cases)("is taken as it is: %s", async (file) => {
    for (const { value } of run(readDocuments(join(folder, file))))
      expect(await envoyViolations(resourcesToJson(value))).toEqual([]);
  });
});
