import type { CelRule, Rule, Schema } from "../schema/schema.ts";

/** A JSON object of an OpenAPI v3 schema. */
export type OpenApi = Readonly<Record<string, unknown>>;

/** Integers have this range where a rule does not say otherwise; `format: int32` says so. */
const int32 = { min: -2147483648, max: 2147483647 };

/**
 * The structural OpenAPI v3 schema of a value, as CustomResourceDefinitions have it. What the rules' checks mean, which
 * are functions, has to stand beside them in the schema ({@link Schema.crd}).
 *
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */
export function toOpenApi({ rule, crd }: Schema): OpenApi {
  const { validations, ...keywords } = keywordsOf(rule);
  const rules = [...((validations as readonly CelRule[] | undefined) ?? []), ...(crd?.validations ?? [])];
  const all = {
    ...keywords,
    ...crd?.keywords,
    ...(rules.length > 0 ? { "x-kubernetes-validations": rules } : {}),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function keywordsOf(rule: Rule): OpenApi {
  switch (rule.kind) {
    case "string":
      return { type: "string", ...bounds("Length", rule.minLength, rule.maxLength) };
    case "enum":
      return { type: "string", enum: rule.values };
    case "boolean":
      return { type: "boolean" };
    case "any":
      return { type: "object", "x-kubernetes-preserve-unknown-fields": true };
    case "integerOrString":
      return { anyOf: [{ type: "integer" }, { type: "string" }], "x-kubernetes-int-or-string": true };
    case "number":
      return numberKeywords(rule);
    case "list":
      return listKeywords(rule);
    case "map":
      return { type: "object", additionalProperties: toOpenApi(rule.value) };
    case "object":
      return objectKeywords(rule);
  }
}

function numberKeywords({ integer, min, max }: Extract<Rule, { kind: "number" }>): OpenApi {
  const range = integer ? int32 : { min: -Infinity, max: Infinity };
  return {
    type: integer ? "integer" : "number",
    ...(integer && max <= int32.max ? { format: "int32" } : {}),
    ...(min !== range.min ? { minimum: min } : {}),
    ...(max !== range.max ? { maximum: max } : {}),
  };
}

function listKeywords({ item, minItems, maxItems, unique }: Extract<Rule, { kind: "list" }>): OpenApi {
  return {
    type: "array",
    items: toOpenApi(item),
    ...bounds("Items", minItems, maxItems),
    // A list has one key; that other fields differ, too, is for CEL to say.
    ...(unique[0] === undefined
      ? {}
      : { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [unique[0]] }),
  };
}

function objectKeywords({ fields, oneOf, open }: Extract<Rule, { kind: "object" }>): OpenApi {
  const names = Object.entries(fields);
  const required = names.filter(([, field]) => "required" in field).map(([name]) => name);
  const groups = oneOf.map((group) => ({ group, message: selectorMessage(group) }));
  const excluding = groups
    .filter(({ message }) => message === undefined)
    .map(({ group }) => atMostOne(group));
  const validations = groups.flatMap(({ group, message }) =>
    message === undefined ? [] : [{ rule: `${group.map(counted).join(" + ")} <= 1`, message }],
  );
  return {
    type: "object",
    properties: Object.fromEntries(names.map(([name, field]) => [name, toOpenApi(field)])),
    ...(required.length > 0 ? { required } : {}),
    ...(open ? { "x-kubernetes-preserve-unknown-fields": true } : {}),
    ...(excluding.length === 1 ? excluding[0] : excluding.length > 1 ? { allOf: excluding } : {}),
    ...(validations.length > 0 ? { validations } : {}),
  };
}

function counted(field: string): string {
  return `(has(self.${field}) ? 1 : 0)`;
}

/** None of the fields, or one: as a protobuf oneof reads in OpenAPI. */
function atMostOne(group: readonly string[]): OpenApi {
  const each = group.map((field) => ({ required: [field] }));
  return { oneOf: [{ not: { anyOf: each } }, ...each] };
}

/** Fields that exclude each other though they are no protobuf oneof, with what Istio says of them. */
const selectorMessages: readonly (readonly [field: string, message: string])[] = [
  ["workloadSelector", "only one of targetRefs or workloadSelector can be set"],
  ["targetRefs", "only one of targetRefs or selector can be set"],
  ["jwks", "only one of jwks or jwksUri can be set"],
  ["tlsCertificates", "only one of credentialNames or tlsCertificates can be set"],
];

function selectorMessage(group: readonly string[]): string | undefined {
  return selectorMessages.find(([field]) => group.includes(field))?.[1];
}

function bounds(what: "Length" | "Items", min: number, max: number): OpenApi {
  return {
    ...(min > 0 ? { [`min${what}`]: min } : {}),
    ...(max < Infinity ? { [`max${what}`]: max } : {}),
  };
}
