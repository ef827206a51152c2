import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { kinds } from "../kinds.ts";
import type { Rule } from "../schema/schema.ts";
import { gatewayApiGroup } from "./references.ts";

/** Names of all fields below a rule. */
function fieldNames(rule: Rule): readonly string[] {
  if (rule.kind === "list") return fieldNames(rule.item.rule);
  if (rule.kind === "map") return fieldNames(rule.value.rule);
  if (rule.kind !== "object") return [];
  return Object.entries(rule.fields).flatMap(([name, field]) => [name, ...fieldNames(field.rule)]);
}

/** Names of all fields that declarations generated from the API itself have. */
function declaredNames(): ReadonlySet<string> {
  const root = dirname(createRequire(import.meta.url).resolve("@kubernetes-models/gateway-api/package.json"));
  const group = join(root, gatewayApiGroup);
  const files = readdirSync(group, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".d.ts"),
  );
  const texts = files.map((file) => readFileSync(join(group, file), "utf8"));
  return new Set(
    texts.flatMap((text) => [...text.matchAll(/^\s+"?(\w+)"?\??:/gm)].flatMap(([, name]) => name ?? [])),
  );
}

/** Fields of Kubernetes' own LabelSelector and Condition. */
const ofKubernetes = ["matchLabels", "matchExpressions", "key", "operator", "values", "reason", "message"];

describe("the kinds of the Gateway API", () => {
  const declared = declaredNames();
  const ofGroup = kinds.filter(({ group }) => group === gatewayApiGroup);

  it("are compared with declarations that say something", () => {
    expect(declared.size).toBeGreaterThan(100);
    expect(ofGroup.length).toBe(9);
  });

  it.each(ofGroup.map((kind) => [kind.kind, kind] as const))(
    "%s has no field that the API does not have",
    (_, kind) => {
      expect(
        fieldNames(kind.body.rule).filter((name) => !declared.has(name) && !ofKubernetes.includes(name)),
      ).toEqual([]);
    },
  );
});
