import { renderTable } from "../table.ts";
import type { Check, CheckedMesh, CheckResult } from "./check.ts";

/** A check's result, with its name and how long it took. */
export interface CheckRow extends CheckResult {
  readonly name: string;
  readonly seconds: number;
}

/** Runs the checks one after the other. One that cannot be carried out is not ok, and the next ones still run. */
export async function runChecks(
  checks: readonly Check[],
  mesh: CheckedMesh,
  onRow: (row: CheckRow) => void,
  signal?: AbortSignal,
): Promise<CheckRow[]> {
  const rows: CheckRow[] = [];
  for (const check of checks) {
    if (signal?.aborted) break;
    const started = performance.now();
    const result = await check.run(mesh).catch((error: unknown) => ({
      expected: "the check to be carried out",
      seen: error instanceof Error ? error.message : String(error),
      ok: false,
    }));
    const row = { name: check.name, ...result, seconds: (performance.now() - started) / 1000 };
    rows.push(row);
    onRow(row);
  }
  return rows;
}

/** The results as a table. */
export function renderChecks(rows: readonly CheckRow[]): string[] {
  return renderTable(
    [
      { title: "CHECK", value: (row) => row.name },
      { title: "EXPECTED", value: (row) => row.expected },
      { title: "SEEN", value: (row) => row.seen },
      { title: "S", align: "right", value: (row) => row.seconds.toFixed(1) },
      { title: "OK", value: (row) => (row.ok ? "ok" : "NO") },
    ],
    rows,
  );
}
