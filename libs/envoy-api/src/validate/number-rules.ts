import type { Finding, Rule } from "./violation.ts";

/** The shape that the rules of every number type share; durations are given in nanoseconds. */
export interface NumberRules {
  readonly const?: number | bigint;
  readonly lt?: number | bigint;
  readonly lte?: number | bigint;
  readonly gt?: number | bigint;
  readonly gte?: number | bigint;
  readonly in?: readonly (number | bigint)[];
  readonly notIn?: readonly (number | bigint)[];
  readonly ignoreEmpty?: boolean;
}

/** Names of the rules in {@link NumberRules}. */
export const numberRuleNames = ["const", "lt", "lte", "gt", "gte", "in", "notIn", "ignoreEmpty"];

type Value = number | bigint;

/** Rules of numbers; `show` writes a value for people. */
export function numberRules(rules: NumberRules, show: (value: Value) => string = String): readonly Rule[] {
  const checks: ((value: Value) => Finding | undefined)[] = [];
  const range = rangeRule(rules, show);
  if (range !== undefined) checks.push(range);
  const { const: only, in: allowed, notIn: refused } = rules;
  if (only !== undefined) {
    checks.push((value) => (value === only ? undefined : notAllowed(show(value), show(only))));
  }
  if (allowed !== undefined) {
    checks.push((value) =>
      allowed.includes(value) ? undefined : notAllowed(show(value), allowed.map(show).join(", ")),
    );
  }
  if (refused !== undefined) {
    checks.push((value) =>
      refused.includes(value)
        ? notAllowed(show(value), `anything but ${refused.map(show).join(", ")}`)
        : undefined,
    );
  }
  const applies = rules.ignoreEmpty === true ? (value: Value) => Number(value) !== 0 : () => true;
  return checks.map(
    (check): Rule =>
      (value) =>
        applies(value as Value) ? check(value as Value) : undefined,
  );
}

/** `lt` and `gt` where `lt` is the larger: between; where it is the smaller: outside of both. */
function rangeRule(
  rules: NumberRules,
  show: (value: Value) => string,
): ((value: Value) => Finding | undefined) | undefined {
  const { lt, lte, gt, gte } = rules;
  const upper = lt ?? lte;
  const lower = gt ?? gte;
  if (upper === undefined && lower === undefined) return undefined;
  const below = (value: Value) => (lt !== undefined ? value < lt : lte === undefined || value <= lte);
  const above = (value: Value) => (gt !== undefined ? value > gt : gte === undefined || value >= gte);
  const outside = upper !== undefined && lower !== undefined && upper < lower;
  const inRange = outside
    ? (value: Value) => below(value) || above(value)
    : (value: Value) => below(value) && above(value);
  const bounds = [
    lower !== undefined && `${gt !== undefined ? "more than" : "at least"} ${show(lower)}`,
    upper !== undefined && `${lt !== undefined ? "less than" : "at most"} ${show(upper)}`,
  ].filter((bound) => bound !== false);
  const allowed = bounds.join(outside ? " or " : " and ");
  return (value) =>
    inRange(value)
      ? undefined
      : { code: "out-of-range", message: `${show(value)} is out of range, allowed is ${allowed}` };
}

function notAllowed(value: string, allowed: string): Finding {
  return { code: "not-allowed", message: `${value} is not allowed, allowed is ${allowed}` };
}
