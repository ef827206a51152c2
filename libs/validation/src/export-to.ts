import type { Findings } from "./findings.ts";
import { isDnsLabel } from "./names.ts";
import { duplicates } from "./values.ts";

/** Who writes an `exportTo`. */
export interface Exporter {
  readonly namespace: string;
  /** Only ServiceEntries may be exported to nobody (`~`). */
  readonly allowNone?: boolean;
  /** Rules that select workloads mean those of their own namespace. */
  readonly ownNamespaceOnly?: boolean;
}

/** Checks the field `exportTo`. */
export function checkExportTo(
  exportTo: readonly string[] | undefined,
  exporter: Exporter,
  findings: Findings,
): void {
  const list = exportTo ?? [];
  const own = (name: string) => name === "." || name === exporter.namespace;
  list.forEach((name, i) => {
    const path = `exportTo[${i}]`;
    if (name === "~" && !exporter.allowNone)
      findings.error(path, "invalid-export-to", '"~" is allowed only for ServiceEntries');
    else if (!["*", ".", "~"].includes(name) && !isDnsLabel(name))
      findings.error(
        path,
        "invalid-export-to",
        `"${name}" is not a namespace; allowed are names, "." and "*"`,
      );
    if (exporter.ownNamespaceOnly && !own(name))
      findings.error(
        path,
        "invalid-export-to",
        `"${name}" is another namespace; with workloadSelector allowed is "."`,
      );
  });
  for (const name of duplicates(list.map((entry) => (own(entry) ? "." : entry))))
    findings.error(
      "exportTo",
      "invalid-export-to",
      `"${name}" stands more than once; name each namespace once`,
    );
  for (const alone of ["*", "~"]) {
    if (list.includes(alone) && list.length > 1)
      findings.error("exportTo", "invalid-export-to", `"${alone}" stands beside others; it must stand alone`);
  }
}
