import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { repeatRequest } from "../load.ts";
import { until } from "../until.ts";
import type { Check, CheckedMesh } from "./check.ts";
import { reviewsFile, reviewsYaml, writeReviews } from "./reviews-config.ts";
import { concurrency, countVersions, formatCounts, reviewsPath, settle } from "./reviews-versions.ts";

const count = 100;
const reportMs = 5_000;

/** Ways to break a VirtualService: the line that has `mark` becomes `line`. */
const breakages = [
  { what: "syntax", mark: "hosts:", line: "  hosts: ]reviews[" },
  { what: "value", mark: "weight:", line: "          weight: lots" },
] as const;

/** A file with a mistake is reported by name and line, and what was in force before stays so. */
export const brokenFile: Check = {
  name: "a broken file",
  run: async (mesh) => {
    writeReviews(mesh.configFolder, { others: { v3: 100 } });
    await settle(mesh, ["v3"]);
    const tries = [];
    for (const breakage of breakages) tries.push({ ...breakage, ...(await tryBreakage(mesh, breakage)) });
    return {
      expected: tries
        .map(({ what, brokenLine }) => `${what}: line ${brokenLine} reported, v3 ${count}`)
        .join("; "),
      seen: tries
        .map(({ what, line, counts }) => `${what}: line ${line}, ${formatCounts(counts)}`)
        .join("; "),
      ok: tries.every(({ brokenLine, line, counts }) => line === brokenLine && counts.v3 === count),
    };
  },
};

async function tryBreakage(mesh: CheckedMesh, { mark, line }: (typeof breakages)[number]) {
  const file = reviewsFile(mesh.configFolder);
  const sound = readFileSync(file, "utf8");
  const lines = reviewsYaml({ others: { v1: 100 } }).split("\n");
  const index = lines.findIndex((text) => text.includes(mark));
  lines[index] = line;
  writeFileSync(file, lines.join("\n"));
  try {
    const problem = await until(
      () => mesh.problems().find(({ position }) => position?.file.endsWith(basename(file))),
      { timeoutMs: reportMs, what: `a report of ${basename(file)}` },
    );
    const counts = countVersions(await repeatRequest({ url: mesh.url + reviewsPath }, count, concurrency));
    return { brokenLine: index + 1, line: problem.position?.line ?? 0, counts };
  } finally {
    writeFileSync(file, sound);
    await until(() => mesh.problems().length === 0, { timeoutMs: reportMs, what: "the report to go away" });
  }
}
