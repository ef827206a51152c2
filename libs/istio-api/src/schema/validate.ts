import type { Rule, Schema } from "./schema.ts";

/** What is wrong at one place of a value. `path` is relative to the value: `spec.http[0].route`. */
export interface Violation {
  readonly path: string;
  readonly code:
    | "unknown-field"
    | "wrong-type"
    | "missing-field"
    | "not-allowed"
    | "exclusive-fields"
    | "duplicate";
  readonly message: string;
}

/** At most this many violations are told of one value; who has made more will look again. */
const maxViolations = 100;

/** Says where and how a value departs from a schema. `null` counts as absent, as in Kubernetes. */
export function validate(schema: Schema, value: unknown, path = ""): readonly Violation[] {
  const violations: Violation[] = [];
  check(schema.rule, value, path, (violation) => {
    if (violations.length < maxViolations) violations.push(violation);
  });
  return violations;
}

type Report = (violation: Violation) => void;
type Finding = Omit<Violation, "path">;
type Container = Extract<Rule, { kind: "list" | "map" | "object" }>;

function check(rule: Rule, value: unknown, path: string, report: Report): void {
  const finding = findingOf(rule, value);
  if (finding !== undefined) report({ path, ...finding });
  else if (rule.kind === "list")
    checkItems(rule, value as readonly unknown[], path, report); // Just checked.
  else if (rule.kind === "map") checkValues(rule, value as Fields, path, report);
  else if (rule.kind === "object") checkFields(rule, value as Fields, path, report);
}

/** What is wrong with the value itself; what it holds is left to the functions below. */
function findingOf(rule: Rule, value: unknown): Finding | undefined {
  switch (rule.kind) {
    case "any":
      return undefined;
    case "string":
      return typeof value === "string" ? stringFinding(rule, value) : wrongType("a string", value);
    case "enum":
      if (typeof value !== "string") return wrongType(`one of ${words(rule.values)}`, value);
      return rule.values.includes(value)
        ? undefined
        : notAllowed(`"${value}" is not allowed; allowed are ${words(rule.values)}`);
    case "number":
      return numberFinding(rule, value);
    case "integerOrString":
      return typeof value === "string" || Number.isInteger(value)
        ? undefined
        : wrongType("an integer or a string", value);
    case "boolean":
      return typeof value === "boolean" ? undefined : wrongType("true or false", value);
    default:
      return containerFinding(rule, value);
  }
}

function stringFinding(rule: Extract<Rule, { kind: "string" }>, value: string): Finding | undefined {
  if (value.length < rule.minLength) return notAllowed("must not be empty");
  if (value.length > rule.maxLength)
    return notAllowed(`has ${value.length} characters; allowed are up to ${rule.maxLength}`);
  const message = rule.check?.(value);
  return message === undefined ? undefined : notAllowed(message);
}

function numberFinding(rule: Extract<Rule, { kind: "number" }>, value: unknown): Finding | undefined {
  if (typeof value !== "number" || (rule.integer && !Number.isInteger(value)))
    return wrongType(rule.integer ? "an integer" : "a number", value);
  if (value >= rule.min && value <= rule.max) return undefined;
  const allowed = rule.max === Infinity ? `${rule.min} and above` : `${rule.min} to ${rule.max}`;
  return notAllowed(`${value} is out of range; allowed are ${allowed}`);
}

function containerFinding(rule: Container, value: unknown): Finding | undefined {
  if (rule.kind !== "list")
    return isObject(value)
      ? undefined
      : wrongType(rule.kind === "map" ? "a map" : "a map with fields", value);
  if (!Array.isArray(value)) return wrongType("a list", value);
  if (value.length >= rule.minItems && value.length <= rule.maxItems) return undefined;
  const allowed =
    rule.maxItems === Infinity ? `at least ${rule.minItems}` : `${rule.minItems} to ${rule.maxItems}`;
  return notAllowed(`has ${value.length} items; allowed are ${allowed}`);
}

type Fields = Readonly<Record<string, unknown>>;

function checkItems(
  rule: Extract<Rule, { kind: "list" }>,
  items: readonly unknown[],
  path: string,
  report: Report,
): void {
  items.forEach((item, i) => {
    check(rule.item.rule, item, `${path}[${i}]`, report);
  });
  for (const name of rule.unique) checkUnique(items, name, path, report);
}

function checkUnique(items: readonly unknown[], name: string, path: string, report: Report): void {
  const first = new Map<unknown, number>();
  items.forEach((item, i) => {
    const value = isObject(item) ? item[name] : undefined;
    if (value === undefined || value === null) return;
    const other = first.get(value);
    const message = `${JSON.stringify(value)} is already the ${name} of [${other}]; each may stand only once`;
    if (other !== undefined) report({ path: `${path}[${i}].${name}`, code: "duplicate", message });
    else first.set(value, i);
  });
}

function checkValues(
  rule: Extract<Rule, { kind: "map" }>,
  values: Fields,
  path: string,
  report: Report,
): void {
  for (const [key, inner] of Object.entries(values)) {
    const at = `${path}[${key}]`;
    const message = rule.checkKey?.(key);
    if (message !== undefined) report({ path: at, ...notAllowed(message) });
    if (inner !== null) check(rule.value.rule, inner, at, report);
  }
}

function checkFields(
  rule: Extract<Rule, { kind: "object" }>,
  fields: Fields,
  path: string,
  report: Report,
): void {
  const isSet = (name: string) => fields[name] !== undefined && fields[name] !== null;
  const at = (name: string) => (path === "" ? name : `${path}.${name}`);
  for (const name of Object.keys(fields).filter(isSet)) {
    const field = Object.hasOwn(rule.fields, name) ? rule.fields[name] : undefined;
    if (field) check(field.rule, fields[name], at(name), report);
    else if (!rule.open) report({ path: at(name), code: "unknown-field", message: unknownField(name, rule) });
  }
  for (const [name, field] of Object.entries(rule.fields)) {
    if ("required" in field && !isSet(name))
      report({ path: at(name), code: "missing-field", message: "is missing; it must be set" });
  }
  for (const group of rule.oneOf) {
    const set = group.filter(isSet);
    const message = `${words(set)} exclude each other; set one of them`;
    if (set.length > 1) report({ path, code: "exclusive-fields", message });
  }
  const message = rule.check?.(fields);
  if (message !== undefined) report({ path, ...notAllowed(message) });
}

function unknownField(name: string, rule: Extract<Rule, { kind: "object" }>): string {
  const known = Object.keys(rule.fields);
  if (known.length === 0) return "unknown field; no fields are allowed here";
  const near = known.find((field) => simplify(field) === simplify(name));
  if (near !== undefined) return `unknown field; did you mean ${near}?`;
  return `unknown field; allowed are ${words(known)}`;
}

function simplify(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, "").replace(/s$/, "");
}

function notAllowed(message: string): Finding {
  return { code: "not-allowed", message };
}

function wrongType(wanted: string, value: unknown): Finding {
  return { code: "wrong-type", message: `is ${describe(value)}; it must be ${wanted}` };
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  if (typeof value === "string") return `the string ${JSON.stringify(value.slice(0, 60))}`;
  return `the ${typeof value} ${String(value)}`;
}

function words(values: readonly string[]): string {
  const shown = values.filter((value) => value !== "");
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The value without the fields that are null, which mean absent; what a schema leaves open is kept. The same object
 * where there are none.
 */
export function withoutNulls<T>(schema: Schema, value: T): T {
  return strip(schema.rule, value) as T; // Fields whose value is null are optional, so the type stays.
}

function strip(rule: Rule, value: unknown): unknown {
  if (rule.kind === "list" && Array.isArray(value)) {
    const items = value.map((item) => strip(rule.item.rule, item));
    return items.some((item, i) => item !== value[i]) ? items : value;
  }
  if ((rule.kind !== "object" && rule.kind !== "map") || !isObject(value)) return value;
  const entries = Object.entries(value);
  const kept = entries.flatMap(([name, inner]) => {
    if (inner === null) return [];
    const field = rule.kind === "map" ? rule.value : rule.fields[name];
    return [[name, field ? strip(field.rule, inner) : inner] as const];
  });
  const same = kept.length === entries.length && kept.every(([name, inner]) => value[name] === inner);
  return same ? value : Object.fromEntries(kept);
}
