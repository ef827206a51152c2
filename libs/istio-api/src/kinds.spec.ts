import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { kinds } from "./kinds.ts";
import type { Rule } from "./schema/schema.ts";

/** Names of all fields below a rule. */
function fieldNames(rule: Rule): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (at: Rule): void => {
    if (at.kind === "list") visit(at.item.rule);
    else if (at.kind === "map") visit(at.value.rule);
    else if (at.kind === "object")
      for (const [name, field] of Object.entries(at.fields)) {
        names.add(name);
        visit(field.rule);
      }
  };
  visit(rule);
  return names;
}

/** The same, of the declarations that another project generated from Istio's CRDs. */
function declaredNames(group: string, version: string, kind: string): ReadonlySet<string> | undefined {
  const root = dirname(createRequire(import.meta.url).resolve("@kubernetes-models/istio/package.json"));
  try {
    const text = readFileSync(join(root, group, version, `${kind}.d.ts`), "utf8");
    return new Set([...text.matchAll(/^\s+"(\w+)"\??:/gm)].flatMap(([, name]) => (name ? [name] : [])));
  } catch {
    return undefined;
  }
}

const envelope = ["apiVersion", "kind", "metadata", "spec", "status"];
/** Fields of `status`, which Weft writes itself, and of the messages in it. */
const ofStatus = [
  "conditions",
  "lastProbeTime",
  "lastTransitionTime",
  "message",
  "observedGeneration",
  "reason",
  "status",
  "type",
  "validationMessages",
  "code",
  "documentationUrl",
  "level",
  "addresses",
  "host",
  "value",
  "name",
];

describe("kinds", () => {
  const istio = kinds.filter(({ group }) => group.endsWith("istio.io"));

  it("names each kind and plural once", () => {
    for (const key of ["kind", "plural"] as const) {
      const values = kinds.map((kind) => `${kind.group}/${kind[key]}`);
      expect(new Set(values).size).toBe(values.length);
    }
  });

  it.each(istio.flatMap((kind) => kind.versions.map((version) => [kind.kind, version, kind] as const)))(
    "knows the fields of %s %s",
    (name, version, kind) => {
      const declared = declaredNames(kind.group, version, name);
      if (declared === undefined) return;
      const known = fieldNames(kind.body.rule);
      expect(
        [...declared].filter((f) => !known.has(f) && !envelope.includes(f) && !ofStatus.includes(f)),
      ).toEqual([]);
    },
  );

  it("is checked against declarations of most kinds", () => {
    const found = istio.filter(({ group, versions, kind }) => declaredNames(group, versions[0] ?? "", kind));
    expect(found.length).toBeGreaterThan(12);
  });
});
