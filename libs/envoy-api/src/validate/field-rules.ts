import type { DescEnum, DescMessage } from "@bufbuild/protobuf";
import type { Any, Duration } from "@bufbuild/protobuf/wkt";
import { formatProtoDuration } from "@weft/base";
import {
  AnyRulesSchema,
  BoolRulesSchema,
  type BytesRules,
  BytesRulesSchema,
  DoubleRulesSchema,
  type DurationRules,
  DurationRulesSchema,
  type EnumRules,
  EnumRulesSchema,
  type FieldRules,
  Fixed32RulesSchema,
  Fixed64RulesSchema,
  FloatRulesSchema,
  Int32RulesSchema,
  Int64RulesSchema,
  SFixed32RulesSchema,
  SFixed64RulesSchema,
  SInt32RulesSchema,
  SInt64RulesSchema,
  TimestampRulesSchema,
  UInt32RulesSchema,
  UInt64RulesSchema,
} from "@weft/envoy-api/validate/validate_pb.js";
import { type NumberRules, numberRuleNames, numberRules } from "./number-rules.ts";
import { givenFields, refuseOthers } from "./rule-fields.ts";
import { stringRules } from "./string-rules.ts";
import type { Rule } from "./violation.ts";

/** All of these have the fields of {@link NumberRules}. */
const numberRuleSchemas: Readonly<Record<string, DescMessage>> = {
  float: FloatRulesSchema,
  double: DoubleRulesSchema,
  int32: Int32RulesSchema,
  int64: Int64RulesSchema,
  uint32: UInt32RulesSchema,
  uint64: UInt64RulesSchema,
  sint32: SInt32RulesSchema,
  sint64: SInt64RulesSchema,
  fixed32: Fixed32RulesSchema,
  fixed64: Fixed64RulesSchema,
  sfixed32: SFixed32RulesSchema,
  sfixed64: SFixed64RulesSchema,
};

/**
 * The rules of one value (not of a list or map as a whole). Whether the value must be there is not among them.
 * @param where the field's full name, for a rule that is not known (a bug: see `refuseOthers`)
 */
export function valueRules(
  rules: FieldRules,
  enumType: DescEnum | undefined,
  where: string,
): readonly Rule[] {
  const { type } = rules;
  switch (type.case) {
    case undefined:
      return [];
    case "string":
      return stringRules(type.value, where);
    case "bytes":
      return bytesRules(type.value, where);
    case "enum":
      return enumRules(type.value, enumType, where);
    case "bool": {
      const { const: only } = givenFields(BoolRulesSchema, type.value);
      if (only === undefined) return [];
      return [
        (value) => (value === only ? undefined : { code: "not-allowed", message: `allowed is ${only} only` }),
      ];
    }
    case "duration":
      return durationRules(type.value, where);
    case "timestamp":
      refuseOthers(givenFields(TimestampRulesSchema, type.value), ["required"], where);
      return [];
    case "any": {
      const given = givenFields(AnyRulesSchema, type.value);
      const { required: _, ...rest } = given;
      return stringListRules(rest).map((rule) => (value) => rule((value as Any).typeUrl));
    }
    case "repeated":
    case "map":
      throw new Error(`${where}: ${type.case} rules for a single value`);
    default: {
      const schema = numberRuleSchemas[type.case];
      if (schema === undefined) throw new Error(`${where}: no check for ${type.case} rules`);
      const given = givenFields(schema, type.value) as NumberRules;
      refuseOthers(given, numberRuleNames, where);
      return numberRules(given);
    }
  }
}

/** Whether the rules ask for the value to be there at all. */
export function isRequired(rules: FieldRules): boolean {
  const { type } = rules;
  if (rules.message?.required === true) return true;
  return (
    (type.case === "any" || type.case === "duration" || type.case === "timestamp") && type.value.required
  );
}

function stringListRules(given: { in?: readonly string[]; notIn?: readonly string[] }): readonly Rule[] {
  const rules: Rule[] = [];
  const { in: allowed, notIn: refused } = given;
  const wrong = (value: unknown, list: string) =>
    ({ code: "not-allowed", message: `${value} is not allowed, allowed is ${list}` }) as const;
  if (allowed !== undefined) {
    rules.push((value) => (allowed.includes(value as string) ? undefined : wrong(value, allowed.join(", "))));
  }
  if (refused !== undefined) {
    rules.push((value) =>
      refused.includes(value as string) ? wrong(value, `anything but ${refused.join(", ")}`) : undefined,
    );
  }
  return rules;
}

function enumRules(rules: EnumRules, type: DescEnum | undefined, where: string): readonly Rule[] {
  const { definedOnly, ...rest } = givenFields(EnumRulesSchema, rules);
  if (type === undefined) throw new Error(`${where}: enum rules for no enum`);
  const nameOf = (value: number | bigint) => type.value[Number(value)]?.name ?? String(value);
  const checks = [...numberRules(rest, nameOf)];
  if (definedOnly === true) {
    const names = type.values.map((value) => value.name).join(", ");
    checks.push((value) =>
      type.value[value as number] !== undefined
        ? undefined
        : {
            code: "undefined-enum",
            message: `${value} is no value of ${type.typeName}, allowed is ${names}`,
          },
    );
  }
  return checks;
}

const nanosPerSecond = 1_000_000_000n;

function durationRules(rules: DurationRules, where: string): readonly Rule[] {
  const { required: _, in: allowed, notIn: refused, ...bounds } = givenFields(DurationRulesSchema, rules);
  const nanos = (duration: Duration) => duration.seconds * nanosPerSecond + BigInt(duration.nanos);
  const given = Object.fromEntries(
    Object.entries(bounds)
      .filter(([name]) => !name.startsWith("$"))
      .map(([name, bound]) => [name, nanos(bound as Duration)]),
  ) as NumberRules;
  refuseOthers(given, numberRuleNames, where);
  const lists = { ...(allowed && { in: allowed.map(nanos) }), ...(refused && { notIn: refused.map(nanos) }) };
  const checks = numberRules({ ...given, ...lists }, (value) => formatProtoDuration(Number(value) / 1e6));
  return checks.map((check) => (value) => check(nanos(value as Duration)));
}

function bytesRules(rules: BytesRules, where: string): readonly Rule[] {
  const given = givenFields(BytesRulesSchema, rules);
  refuseOthers(given, ["len", "minLen", "maxLen"], where);
  const least = given.len ?? given.minLen ?? 0n;
  const most = given.len ?? given.maxLen;
  return [
    (value) => {
      const { length } = value as Uint8Array;
      if (length >= least && (most === undefined || length <= most)) return undefined;
      const allowed = most === undefined ? `at least ${least}` : `${least} to ${most}`;
      return { code: "length", message: `has ${length} bytes, allowed is ${allowed}` };
    },
  ];
}
