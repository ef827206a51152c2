import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseFile } from "@weft/config-sources";
import type { MeshObject } from "@weft/mesh-model";
import { describeWithPeer, sharedFolder } from "@weft/testkit";
import { resourcesToJson } from "../resources/to-json.ts";
import { envoyViolations, violationsOf } from "../testing/expectations.ts";
import { parseText, snapshotOf, viewOf } from "../testing/mesh.ts";
import { translate } from "../translate.ts";

const services = parseText(`
apiVersion: v1
kind: Service
metadata: { name: productpage, namespace: default }
spec: { clusterIP: 10.96.0.10, selector: { app: productpage }, ports: [{ name: http, port: 9080, targetPort: 8000 }] }
`);

/** Real EnvoyFilters: those of Istio's samples, tests and documentation that are valid by their schema. */
function readSamples(folder: string): readonly MeshObject[] {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    /\.ya?ml$/.test(file),
  );
  const yaml = files.flatMap((file) => {
    const text = readFileSync(join(folder, file), "utf8").replaceAll(/\{\{[^}]*\}\}/g, "name");
    if (!text.includes("kind: EnvoyFilter")) return [];
    return parseFile(file, text).objects.filter(({ kind }) => kind === "EnvoyFilter");
  });
  const { cases } = JSON.parse(readFileSync(join(folder, "validation-webhook/cases.json"), "utf8")) as {
    readonly cases: readonly { readonly kind: string; readonly object: object }[];
  };
  const json = cases.filter(({ kind }) => kind === "EnvoyFilter");
  return [...yaml, ...json.flatMap(({ object }) => parseFile("cases.json", JSON.stringify(object)).objects)];
}

const folder = sharedFolder("conformance");
const samples = folder === undefined ? [] : readSamples(folder);

/** What the proxies that an EnvoyFilter is for get with it, one of each kind. */
function translated(object: MeshObject) {
  const snapshot = snapshotOf([...services, object]);
  const { workloadSelector } = (object.body.spec ?? {}) as { workloadSelector?: { labels?: object } };
  const { namespace } = object.metadata;
  return ["sidecar", "router"].map((type) =>
    translate(
      viewOf(snapshot, {
        id: `${type}~10.0.0.9~one.${namespace}~${namespace}.svc.cluster.local`,
        metadata: { LABELS: { app: "productpage", ...workloadSelector?.labels } },
      }),
    ),
  );
}

(folder === undefined ? describe.skip : describe)("real EnvoyFilters", () => {
  it("are many", () => {
    expect(samples.length).toBeGreaterThan(25);
  });

  it("never make a resource that breaks Envoy's rules, and say what has no effect", () => {
    for (const sample of samples)
      for (const { value, problems } of translated(sample)) {
        expect(violationsOf(value)).toEqual([]);
        for (const { object } of problems) expect(object?.kind).toBe("EnvoyFilter");
      }
  });
});

describeWithPeer("envoy", "real EnvoyFilters for real Envoy", () => {
  // Envoy knows more than its rules: a filter in front of what it names, say. Those of Istio's samples it takes as they are.
  const names = ["filter-local-ratelimit-svc", "filter-ratelimit", "filter-ratelimit-svc"];
  it.each(names)("are taken as they are: %s", async (name) => {
    for (const sample of samples.filter(({ metadata }) => metadata.name === name))
      for (const { value, problems } of translated(sample)) {
        expect(problems).toEqual([]);
        expect(await envoyViolations(resourcesToJson(value))).toEqual([]);
      }
  });
});
