import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  getOption,
  isFieldSet,
  type Message,
  type MessageShape,
} from "@bufbuild/protobuf";
import { type Any, FeatureSet_FieldPresence as FieldPresence, isWrapperDesc } from "@bufbuild/protobuf/wkt";
import {
  disabled,
  type FieldRules,
  FieldRulesSchema,
  rules as fieldRules,
  ignored,
  required,
} from "@weft/envoy-api/validate/validate_pb.js";
import { typeNameOf } from "../any.ts";
import { envoyRegistry, type TypeRegistry } from "../registry.ts";
import { listRules, mapRules } from "./container-rules.ts";
import { isRequired, valueRules } from "./field-rules.ts";
import { formatPath, type Path } from "./path.ts";
import type { Rule, Violation, ViolationCode } from "./violation.ts";

/** Options of {@link validateMessage}. */
export interface ValidateOptions {
  /** Types that an Any is looked into as; others pass unseen. Default: all of Envoy's. */
  readonly registry?: TypeRegistry;
  /** How many violations are gathered at most. Default 100. */
  readonly limit?: number;
}

const depthLimit = 100;

/**
 * Checks a message against the constraints that Envoy's API declares with it (`validate.rules` and its like), which
 * real Envoy enforces when it takes a resource. Messages inside an Any are checked too.
 * https://github.com/bufbuild/protoc-gen-validate#constraint-rules
 *
 * These are not all of Envoy's checks: what its C++ code alone knows (that a cluster exists, that a regex compiles)
 * is not declared anywhere.
 */
export function validateMessage<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  { registry = envoyRegistry, limit = 100 }: ValidateOptions = {},
): readonly Violation[] {
  const violations: Violation[] = [];
  const report: Report = (path, code, text) => {
    if (violations.length < limit) violations.push({ path: formatPath(path), code, message: text });
  };
  checkerOf(schema)(message, { path: undefined, depth: 0, registry, report });
  return violations;
}

type Report = (path: Path | undefined, code: ViolationCode, message: string) => void;

interface Place {
  readonly path: Path | undefined;
  readonly depth: number;
  readonly registry: TypeRegistry;
  readonly report: Report;
}

type MessageCheck = (message: Message, place: Place) => void;
type ValueCheck = (value: unknown, place: Place) => void;

/** Compiled once per message type. */
const compiled = new WeakMap<DescMessage, MessageCheck>();

function checkerOf(schema: DescMessage): MessageCheck {
  let check = compiled.get(schema);
  if (check === undefined) {
    check = compileMessage(schema);
    compiled.set(schema, check);
  }
  return check;
}

function compileMessage(schema: DescMessage): MessageCheck {
  if (getOption(schema, disabled) || getOption(schema, ignored)) return () => {};
  if (schema.typeName === "google.protobuf.Any") return checkAny;
  if (schema.typeName.startsWith("google.protobuf.")) return () => {};
  const checks: MessageCheck[] = [];
  for (const oneof of schema.oneofs) {
    if (!getOption(oneof, required)) continue;
    const names = oneof.fields.map((field) => field.name).join(", ");
    checks.push((message, place) => {
      const slot = (message as unknown as Record<string, { case?: string }>)[oneof.localName];
      if (slot?.case === undefined) {
        place.report(step(place.path, oneof.name), "required", `is missing, one of ${names} is needed`);
      }
    });
  }
  for (const field of schema.fields) {
    const check = compileField(field);
    if (check !== undefined) checks.push(check);
  }
  return (message, place) => {
    if (place.depth > depthLimit) {
      place.report(place.path, "too-deep", `is nested deeper than ${depthLimit} messages`);
      return;
    }
    for (const check of checks) check(message, place);
  };
}

function compileField(field: DescField): MessageCheck | undefined {
  const rules = getOption(field, fieldRules);
  const check = compileContainer(field, rules);
  const needed = isRequired(rules);
  if (check === undefined && !needed) return undefined;
  // A field without presence always has a value, and its rules always hold: an empty string breaks min_len.
  const always = field.oneof === undefined && field.presence === FieldPresence.IMPLICIT;
  return (message, { path, depth, registry, report }) => {
    const place: Place = { path: step(path, field.name), depth: depth + 1, registry, report };
    if (always || isFieldSet(message, field)) check?.(readField(message, field), place);
    else if (needed && field.oneof === undefined)
      report(place.path, "required", "is missing, a value is needed");
  };
}

function readField(message: Message, field: DescField): unknown {
  const slots = message as unknown as Record<string, unknown>;
  if (field.oneof === undefined) return slots[field.localName];
  return (slots[field.oneof.localName] as { value: unknown }).value;
}

/** The check of a whole field; undefined where there is nothing to check. */
function compileContainer(field: DescField, rules: FieldRules): ValueCheck | undefined {
  const where = field.toString();
  switch (field.fieldKind) {
    case "list": {
      const own = rules.type.case === "repeated" ? rules.type.value : undefined;
      const item = compileValue(field, own?.items, where);
      const checks = own === undefined ? [] : listRules(own, where);
      if (item === undefined && checks.length === 0) return undefined;
      return (value, place) => {
        apply(checks, value, place);
        if (item === undefined) return;
        for (const [index, one] of (value as unknown[]).entries()) item(one, inside(place, index));
      };
    }
    case "map": {
      const own = rules.type.case === "map" ? rules.type.value : undefined;
      const item = compileValue(field, own?.values, where);
      const keys = own?.keys === undefined ? [] : valueRules(own.keys, undefined, where);
      const checks = own === undefined ? [] : mapRules(own, where);
      if (item === undefined && keys.length === 0 && checks.length === 0) return undefined;
      return (value, place) => {
        apply(checks, value, place);
        for (const [key, one] of Object.entries(value as Record<string, unknown>)) {
          const at = inside(place, `[${JSON.stringify(key)}]`);
          apply(keys, key, at);
          item?.(one, at);
        }
      };
    }
    default:
      return compileValue(field, rules, where);
  }
}

/** The check of one value: the field's own, or an item's of it. */
function compileValue(
  field: DescField,
  given: FieldRules | undefined,
  where: string,
): ValueCheck | undefined {
  const rules = given ?? create(FieldRulesSchema);
  const checks = valueRules(rules, field.enum, where);
  const type = field.message;
  if (type === undefined)
    return checks.length === 0 ? undefined : (value, place) => apply(checks, value, place);
  if (isWrapperDesc(type)) {
    return checks.length === 0 ? undefined : (value, place) => apply(checks, unwrap(value), place);
  }
  const skip =
    rules.message?.skip === true ||
    (type.typeName.startsWith("google.protobuf.") && type.typeName !== "google.protobuf.Any");
  if (skip) return checks.length === 0 ? undefined : (value, place) => apply(checks, value, place);
  return (value, place) => {
    apply(checks, value, place);
    // Looked up only now: types refer to each other in circles.
    checkerOf(type)(value as Message, place);
  };
}

/** protobuf-es holds wrapper types as bare values where they are fields outside a oneof, as messages elsewhere. */
function unwrap(value: unknown): unknown {
  return typeof value === "object" && value !== null && "$typeName" in value
    ? (value as unknown as { value: unknown }).value
    : value;
}

function checkAny(message: Message, place: Place): void {
  const any = message as Any;
  const schema = place.registry.getMessage(typeNameOf(any.typeUrl));
  if (schema === undefined) return;
  let inner: Message;
  try {
    inner = fromBinary(schema, any.value);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    place.report(place.path, "malformed-any", `its bytes are no ${schema.typeName}: ${reason}`);
    return;
  }
  checkerOf(schema)(inner, { ...place, depth: place.depth + 1 });
}

function apply(rules: readonly Rule[], value: unknown, place: Place): void {
  for (const rule of rules) {
    const finding = rule(value);
    if (finding !== undefined) place.report(place.path, finding.code, finding.message);
  }
}

function step(parent: Path | undefined, segment: string | number): Path {
  return { parent, segment };
}

function inside(place: Place, segment: string | number): Place {
  return { ...place, path: step(place.path, segment) };
}
