/**
 * `npm test [-- ARGS] [--report FILE]`: all specs, in two rounds. First those that share the machine well, in
 * parallel; then `*.e2e.spec.ts`, which run whole meshes and judge times, one after the other.
 * ARGS go to jest (paths, `-t NAME`, `--ci`); `--report` writes the counts of both rounds as JSON.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

/** What jest's JSON report says, as far as it is read. */
interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  /** Specs that could not be run at all. */
  readonly numRuntimeErrorTestSuites: number;
}

const rounds = [
  { name: "specs", config: "jest.config.js" },
  { name: "end to end", config: "jest.e2e.config.js" },
] as const;

function takeReportPath(args: string[]): string | undefined {
  const at = args.indexOf("--report");
  return at < 0 ? undefined : args.splice(at, 2)[1];
}

function runRound(args: readonly string[], out: string): { ok: boolean; passed: number; failed: number } {
  const node = ["--experimental-vm-modules", "--no-warnings", join(root, "node_modules/jest/bin/jest.js")];
  const jest = ["--passWithNoTests", "--json", "--outputFile", out, ...args];
  const done = spawnSync(process.execPath, [...node, ...jest], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
  try {
    const report: JestReport = JSON.parse(readFileSync(out, "utf8"));
    const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
    return { ok: done.status === 0, passed: report.numPassedTests, failed };
  } catch {
    // Without a report jest itself has failed, and has said why.
    return { ok: false, passed: 0, failed: 1 };
  }
}

const args = process.argv.slice(2);
const report = takeReportPath(args);
const folder = mkdtempSync(join(tmpdir(), "weft-test-"));
let ok = true;
const totals = { passed: 0, failed: 0 };
for (const round of rounds) {
  process.stderr.write(`\n== ${round.name}\n`);
  const result = runRound(["--config", round.config, ...args], join(folder, "report.json"));
  ok &&= result.ok;
  totals.passed += result.passed;
  totals.failed += result.failed;
}
rmSync(folder, { recursive: true });
if (report !== undefined) writeFileSync(report, JSON.stringify(totals));
process.stderr.write(`\n${totals.passed} passed, ${totals.failed} failed\n`);
process.exitCode = ok ? 0 : 1;
