import {
  type MapRules,
  MapRulesSchema,
  type RepeatedRules,
  RepeatedRulesSchema,
} from "@weft/envoy-api/validate/validate_pb.js";
import { givenFields, refuseOthers } from "./rule-fields.ts";
import type { Rule } from "./violation.ts";

/** Rules of a list as a whole. */
export function listRules(rules: RepeatedRules, where: string): readonly Rule[] {
  const given = givenFields(RepeatedRulesSchema, rules);
  refuseOthers(given, ["minItems", "maxItems", "unique", "items", "ignoreEmpty"], where);
  const checks = [
    countRule(
      "items",
      given.minItems,
      given.maxItems,
      rules.ignoreEmpty,
      (value) => (value as unknown[]).length,
    ),
  ];
  if (rules.unique) checks.push(unique);
  return checks;
}

/** Rules of a map as a whole. */
export function mapRules(rules: MapRules, where: string): readonly Rule[] {
  const given = givenFields(MapRulesSchema, rules);
  refuseOthers(given, ["minPairs", "maxPairs", "keys", "values", "ignoreEmpty"], where);
  return [
    countRule(
      "entries",
      given.minPairs,
      given.maxPairs,
      rules.ignoreEmpty,
      (value) => Object.keys(value as object).length,
    ),
  ];
}

function countRule(
  what: string,
  least: bigint | undefined,
  most: bigint | undefined,
  ignoreEmpty: boolean,
  count: (value: unknown) => number,
): Rule {
  const bounds = [least !== undefined && `at least ${least}`, most !== undefined && `at most ${most}`];
  const allowed = bounds.filter((bound) => bound !== false).join(" and ");
  return (value) => {
    const found = count(value);
    if (ignoreEmpty && found === 0) return undefined;
    if ((least === undefined || found >= least) && (most === undefined || found <= most)) return undefined;
    return { code: "item-count", message: `has ${found} ${what}, allowed is ${allowed}` };
  };
}

/** Scalars only: no rule asks it of messages. */
const unique: Rule = (value) => {
  const items = value as unknown[];
  const twice = items.find((item, index) => items.indexOf(item) !== index);
  return twice === undefined ? undefined : { code: "not-unique", message: `holds ${twice} more than once` };
};
