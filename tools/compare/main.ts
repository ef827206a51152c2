/**
 * `npm run compare -- SHARED [SCENARIO...]`: how far Weft's translation is from what real istiod sent.
 * Runs shared/bench/compare.py over each scenario of shared/reference/istiod-1.29 and holds its figures against
 * `thresholds.json`, which only rises: fewer equal resources than written there fails, more asks for a new figure.
 */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

interface Figures {
  /** Resource names on both sides, and in all. */
  readonly names: readonly [agreeing: number, all: number];
  /** Resources that are equal field by field. */
  readonly equal: number;
}

const [shared, ...wanted] = process.argv.slice(2);
if (shared === undefined) {
  console.error("compare: usage: npm run compare -- SHARED_FOLDER [SCENARIO...]");
  process.exit(2);
}
const reference = join(resolve(shared), "reference/istiod-1.29");
const scenarios =
  wanted.length > 0
    ? wanted
    : readdirSync(reference, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name)
        .sort();
const thresholds: Record<string, Record<string, number>> = JSON.parse(
  readFileSync(join(import.meta.dirname, "thresholds.json"), "utf8"),
);

/** Reads the rows that compare.py prints: `clusters: names 38/38, resources equal 38/38, fields 100.0 %`. */
function parseRows(text: string): Map<string, Figures> {
  const row = /^(\w+): names (\d+)\/(\d+), resources equal (\d+)\/\d+/gm;
  return new Map(
    [...text.matchAll(row)].map(([, type = "", both, all, equal]) => [
      type,
      { names: [Number(both), Number(all)], equal: Number(equal) },
    ]),
  );
}

async function compare(scenario: string): Promise<string> {
  const root = resolve(import.meta.dirname, "../..");
  const args = [join(resolve(shared ?? ""), "bench/compare.py"), "--main", root, reference, scenario];
  // Exits 1 below its own bar; ours are the thresholds, so the printed rows count, not the code.
  const done = await promisify(execFile)("python3", args, { cwd: root }).catch(
    (error: { stdout?: string; message: string }) => ({ stdout: error.stdout ?? error.message }),
  );
  return done.stdout;
}

let failures = 0;
for (const scenario of scenarios) {
  const text = await compare(scenario);
  const rows = parseRows(text);
  const least = thresholds[scenario] ?? {};
  for (const [type, { names, equal }] of rows) {
    if (type === "total") continue;
    const want = least[type] ?? 0;
    const ok = names[0] === names[1] && equal >= want;
    const note = equal > want ? `, raise ${scenario}/${type} to ${equal} in thresholds.json` : "";
    console.log(
      `${ok ? "ok  " : "FAIL"} ${scenario} ${type}: names ${names[0]}/${names[1]}, equal ${equal}/${names[1]}, at least ${want}${note}`,
    );
    if (!ok) failures++;
  }
  if (rows.size === 0) {
    console.log(`FAIL ${scenario}: no figures\n${text}`);
    failures++;
  }
}
process.exitCode = failures > 0 ? 1 : 0;
