import { isIstioGroup, kinds } from "../kinds.ts";
import {
  type CrdRules,
  inCrd,
  integer,
  list,
  map,
  message,
  oneOfWords,
  required,
  type Schema,
  string,
} from "../schema/schema.ts";
import { customResourceDefinitions } from "./definitions.ts";
import { toOpenApi } from "./open-api.ts";

/** Paths of the values that a function looks at, without anything that tells the API server what it finds. */
function unsaid(schema: Schema, path: string): readonly string[] {
  const { rule } = schema;
  const looks = ("check" in rule && rule.check) || ("checkKey" in rule && rule.checkKey);
  const said = (crd: CrdRules | undefined) => crd !== undefined;
  const here = looks && !said(schema.crd) ? [path] : [];
  if (rule.kind === "list") return [...here, ...unsaid(rule.item, `${path}[]`)];
  if (rule.kind === "map") return [...here, ...unsaid(rule.value, `${path}{}`)];
  if (rule.kind !== "object") return here;
  return [
    ...here,
    ...Object.entries(rule.fields).flatMap(([name, field]) => unsaid(field, `${path}.${name}`)),
  ];
}

describe("customResourceDefinitions()", () => {
  it("makes one of each of Istio's kinds, with exactly one version that is stored", () => {
    const definitions = customResourceDefinitions();
    expect(definitions).toHaveLength(kinds.filter(({ group }) => isIstioGroup(group)).length);
    for (const definition of definitions) {
      const { versions } = definition.spec as { readonly versions: readonly { readonly storage: boolean }[] };
      expect(versions.filter(({ storage }) => storage)).toHaveLength(1);
    }
  });

  it.each(kinds.filter(({ group }) => isIstioGroup(group)).map((kind) => [kind.kind, kind.body] as const))(
    "says to the API server all that %s is held to here",
    (name, body) => {
      expect(unsaid(body, name)).toEqual([]);
    },
  );
});

describe("toOpenApi()", () => {
  it("has types, bounds and what is required", () => {
    const schema = message({
      name: required(string()),
      weight: integer(0, 100),
      modes: list(oneOfWords("A", "B"), { min: 1, max: 2 }),
      labels: map(string()),
    });
    expect(toOpenApi(schema)).toEqual({
      type: "object",
      properties: {
        name: { type: "string" },
        weight: { type: "integer", format: "int32", minimum: 0, maximum: 100 },
        modes: { type: "array", items: { type: "string", enum: ["A", "B"] }, minItems: 1, maxItems: 2 },
        labels: { type: "object", additionalProperties: { type: "string" } },
      },
      required: ["name"],
    });
  });

  it("excludes fields as a protobuf oneof, or as Istio's selectors in CEL", () => {
    const fields = { a: string(), b: string() };
    expect(toOpenApi(message(fields, { oneOf: [["a", "b"]] })).oneOf).toEqual([
      { not: { anyOf: [{ required: ["a"] }, { required: ["b"] }] } },
      { required: ["a"] },
      { required: ["b"] },
    ]);
    const selectors = { selector: string(), targetRefs: list(string()) };
    expect(toOpenApi(message(selectors, { oneOf: [["selector", "targetRefs"]] }))).toMatchObject({
      "x-kubernetes-validations": [
        {
          rule: "(has(self.selector) ? 1 : 0) + (has(self.targetRefs) ? 1 : 0) <= 1",
          message: "only one of targetRefs or selector can be set",
        },
      ],
    });
  });

  it("adds rules and takes keywords away", () => {
    const schema = inCrd(oneOfWords("", "HTTP"), {
      keywords: { enum: undefined },
      validations: [{ rule: 'self in ["", "HTTP"]', message: "m" }],
    });
    expect(toOpenApi(schema)).toEqual({
      type: "string",
      "x-kubernetes-validations": [{ rule: 'self in ["", "HTTP"]', message: "m" }],
    });
  });
});
