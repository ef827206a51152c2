/**
 * `npm run conformance -- --dir DIR [--area NAME] [--json FILE] [--all] [--list]`: runs every area of a folder like
 * shared/conformance that the project can run so far. Prints each unexpected failure with its first difference,
 * then `AREA: N passed, N failed, N unsupported`; exits 1 where a case fails that is not a known failure,
 * or a known failure passes (then its line is to be taken out of the list).
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { areas } from "./areas/index.ts";
import { readKnownFailures } from "./known-failures.ts";

const { values } = parseArgs({
  options: {
    dir: { type: "string" },
    area: { type: "string" },
    json: { type: "string" },
    /** Prints the known failures, too. */
    all: { type: "boolean" },
    /** Prints nothing but the lines that known-failures.txt would have. */
    list: { type: "boolean" },
  },
});
if (values.dir === undefined || !existsSync(values.dir)) {
  console.error("conformance: --dir DIR is needed, a folder like shared/conformance");
  process.exit(2);
}
const chosen = areas.filter((area) => values.area === undefined || area.name === values.area);
if (chosen.length === 0) {
  console.error(
    `conformance: no area ${values.area}; there are ${areas.map((area) => area.name).join(", ")}`,
  );
  process.exit(2);
}

const known = readKnownFailures();
const totals = { passed: 0, failed: 0, unsupported: 0 };
let unexpected = 0;
let stale = 0;
for (const area of chosen) {
  const folder = join(values.dir, area.folder);
  if (!existsSync(folder)) {
    console.log(`${area.name}: skipped, ${folder} is absent`);
    continue;
  }
  const counts = { passed: 0, failed: 0, unsupported: 0 };
  for await (const { id, outcome } of area.run(folder)) {
    counts[outcome.kind]++;
    const isKnown = known.has(`${area.name} ${id}`);
    if (values.list) {
      if (outcome.kind === "failed") console.log(`${area.name} ${id}`);
      continue;
    }
    if (outcome.kind === "failed" && (!isKnown || values.all)) {
      console.log(`  ${area.name} ${id}: ${outcome.difference}${isKnown ? " (known)" : ""}`);
    }
    if (outcome.kind === "failed" && !isKnown) unexpected++;
    if (outcome.kind === "passed" && isKnown) {
      console.log(`  ${area.name} ${id}: passes now; take it out of known-failures.txt`);
      stale++;
    }
  }
  if (values.list) continue;
  console.log(
    `${area.name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.unsupported} unsupported`,
  );
  for (const kind of ["passed", "failed", "unsupported"] as const) totals[kind] += counts[kind];
}
if (values.json !== undefined) {
  const report = { ...totals, failed: unexpected + stale, knownFailures: totals.failed - unexpected };
  writeFileSync(values.json, JSON.stringify(report));
}
process.exitCode = unexpected + stale > 0 ? 1 : 0;
