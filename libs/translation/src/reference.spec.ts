import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { NodeInput } from "@weft/mesh-model";
import { describeWithPeer, sharedFolder } from "@weft/testkit";
import { resourcesToJson } from "./resources/to-json.ts";
import { envoyViolations, violationsOf } from "./testing/expectations.ts";
import { parseText, snapshotOf, viewOf } from "./testing/mesh.ts";
import { translate } from "./translate.ts";

// What real istiod 1.29 sent for the same inputs: recorded data that is no part of the project.
const folder = sharedFolder("reference/istiod-1.29");
const scenarios = folder === undefined ? [] : readdirSync(folder).filter((name) => /^\d\d-/.test(name));
type Nodes = Readonly<
  Record<string, { readonly id: string; readonly meta: Readonly<Record<string, unknown>> }>
>;
const nodes: Nodes = folder === undefined ? {} : JSON.parse(readFileSync(join(folder, "nodes.json"), "utf8"));
const cases = scenarios.flatMap((scenario) => Object.keys(nodes).map((node) => [scenario, node] as const));

function read(...path: readonly string[]): string {
  return readFileSync(join(folder ?? "", ...path), "utf8");
}

function translateFor(scenario: string, node: NodeInput) {
  const objects = [...parseText(read("base.yaml")), ...parseText(read(scenario, "config.yaml"))];
  return translate(viewOf(snapshotOf(objects), node)).value;
}

function nodeInput(name: string): NodeInput {
  const node = nodes[name];
  if (node === undefined) throw new Error(`no node ${name}`);
  return { id: node.id, metadata: node.meta };
}

type Sections = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Without the one filter whose configuration the recording holds as bytes in another wrapping. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value))
    return value.filter((item) => (item as { name?: unknown })?.name !== "istio.alpn").map(comparable);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, comparable(item)]));
}

/** Names that only one side has, or that read differently; what belongs to the API server itself aside. */
function differences(want: Sections, got: Sections): readonly string[] {
  return ["clusters", "endpoints", "listeners", "routes"].flatMap((section) => {
    const names = new Set([...Object.keys(want[section] ?? {}), ...Object.keys(got[section] ?? {})]);
    return [...names]
      .filter((name) => !name.includes("kubernetes.default") && !name.startsWith("10.96.0.1_"))
      .filter(
        (name) => !isDeepStrictEqual(comparable(want[section]?.[name]), comparable(got[section]?.[name])),
      )
      .map((name) => `${section} ${name}`);
  });
}

const describeReference = folder === undefined ? describe.skip : describe;

describeReference("translate() beside real istiod 1.29", () => {
  it.each(cases)("sends the same: %s to %s", (scenario, node) => {
    const want: Sections = JSON.parse(read(scenario, `${node}.json`));
    // through text, as the recording went: no undefined, no prototypes
    const got: Sections = JSON.parse(
      JSON.stringify(resourcesToJson(translateFor(scenario, nodeInput(node)))),
    );
    expect(differences(want, got)).toEqual([]);
  });
});

/** The same workload with stock Envoy as its proxy. */
function stockNode(name: string): NodeInput {
  const { id, metadata = {} } = nodeInput(name);
  const { ISTIO_VERSION: _, ...rest } = metadata;
  return { id, metadata: rest };
}

describeReference("translate() for stock Envoy", () => {
  it.each(cases)("keeps Istio's own filters out: %s to %s", (scenario, node) => {
    const resources = translateFor(scenario, stockNode(node));
    expect(JSON.stringify(resourcesToJson(resources))).not.toMatch(/"istio\.(alpn|metadata_exchange|stats)"/);
    expect(violationsOf(resources)).toEqual([]);
  });
});

if (folder !== undefined)
  describeWithPeer("envoy", "translate() for real Envoy, in the recorded scenarios", () => {
    it.each(cases)("is taken as it is: %s to %s", async (scenario, node) => {
      expect(await envoyViolations(resourcesToJson(translateFor(scenario, stockNode(node))))).toEqual([]);
    });
  });
