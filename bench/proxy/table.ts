/** A line of the table: figures, or why there are none. */
export type Row = Figures | { readonly name: string; readonly missing: string };

/** What was measured of one proxy. */
export interface Figures {
  readonly name: string;
  readonly perSecond: number;
  /** CPU of the proxy's process per request. */
  readonly cpuMicros: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly memoryMib: number;
  readonly errors: number;
}

const columns: readonly (readonly [title: string, value: (row: Figures) => string])[] = [
  ["proxy", (row) => row.name],
  ["requests/s", (row) => row.perSecond.toFixed(0)],
  ["CPU µs/request", (row) => row.cpuMicros.toFixed(1)],
  ["p50 ms", (row) => row.p50.toFixed(2)],
  ["p99 ms", (row) => row.p99.toFixed(2)],
  ["memory MiB", (row) => row.memoryMib.toFixed(0)],
  ["errors", (row) => String(row.errors)],
];

/** The table, and under it Weft's figures as a share of Envoy's where both ran. */
export function formatTable(rows: readonly Row[]): string {
  const figures = rows.filter((row) => "perSecond" in row);
  const cells = [
    columns.map(([title]) => title),
    ...figures.map((row) => columns.map(([, value]) => value(row))),
  ];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]?.length ?? 0)));
  const lines = cells.map((line) =>
    line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  "),
  );
  for (const row of rows) if ("missing" in row) lines.push(`${row.name}: ${row.missing}`);
  const weft = figures.find((row) => row.name === "weft");
  const envoy = figures.find((row) => row.name === "envoy");
  if (weft !== undefined && envoy !== undefined) {
    const ratio = (of: (row: Figures) => number) => (of(weft) / of(envoy)).toFixed(2);
    lines.push(
      "",
      `weft to envoy: CPU per request ${ratio((row) => row.cpuMicros)}, p99 ${ratio((row) => row.p99)}, ` +
        `throughput ${ratio((row) => row.perSecond)}, memory ${ratio((row) => row.memoryMib)}`,
    );
  }
  return lines.join("\n");
}
