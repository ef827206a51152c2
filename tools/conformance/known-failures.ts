import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The checked-in list of cases that do not pass yet: `AREA CASE` a line, `#` starts a comment.
 * Shrinking it is progress; growing it needs a reason, as a comment above the line.
 */
export function readKnownFailures(): ReadonlySet<string> {
  const text = readFileSync(join(import.meta.dirname, "known-failures.txt"), "utf8");
  const lines = text.split("\n").map((line) => line.trim());
  return new Set(lines.filter((line) => line !== "" && !line.startsWith("#")));
}
