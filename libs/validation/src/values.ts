import { parseDuration } from "@weft/base";
import type { Findings } from "./findings.ts";

/** Checks that a duration has no more than milliseconds: proxies keep no finer time. */
export function checkDuration(text: string | undefined, path: string, findings: Findings): void {
  if (text === undefined) return;
  const ms = parseDuration(text);
  // That it is a duration at all is a matter of structure.
  if (ms === undefined || Math.abs(ms - Math.round(ms)) < 1e-9) return;
  findings.error(path, "invalid-duration", `"${text}" is finer than milliseconds; allowed are whole ones`);
}

/** Checks a percentage, 0 to 100. */
export function checkPercent(value: number | undefined, path: string, findings: Findings): void {
  if (value === undefined || (value >= 0 && value <= 100)) return;
  findings.error(path, "invalid-percent", `${value} is not a percentage; allowed are 0 to 100`);
}

/** Checks a number that must not be negative. */
export function checkNotNegative(value: number | undefined, path: string, findings: Findings): void {
  if (value === undefined || value >= 0) return;
  findings.error(path, "invalid-number", `${value} is negative; allowed are 0 and above`);
}

/** The values that stand more than once, each once. */
export function duplicates<T>(values: readonly T[]): readonly T[] {
  return [...new Set(values.filter((value, i) => values.indexOf(value) !== i))];
}
