import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { repeatRequest } from "../load.ts";
import { until } from "../until.ts";
import type { Check } from "./check.ts";
import { reviewsFile, reviewsYaml, writeReviews } from "./reviews-config.ts";
import { concurrency, countVersions, formatCounts, reviewsPath, settle } from "./reviews-versions.ts";

const count = 100;

/** A file that cannot be read is reported by name and line, and what was in force before stays so. */
export const brokenFile: Check = {
  name: "a broken file",
  run: async (mesh) => {
    writeReviews(mesh.configFolder, { others: { v3: 100 } });
    await settle(mesh, ["v3"]);
    const file = reviewsFile(mesh.configFolder);
    const sound = readFileSync(file, "utf8");
    const lines = reviewsYaml({ others: { v1: 100 } }).split("\n");
    const brokenLine = lines.findIndex((line) => line.includes("hosts:")) + 1;
    lines[brokenLine - 1] = "  hosts: ]reviews[";
    writeFileSync(file, lines.join("\n"));
    try {
      const problem = await until(
        () => mesh.problems().find(({ position }) => position?.file.endsWith(basename(file))),
        {
          timeoutMs: 5_000,
          what: `a report of ${basename(file)}`,
        },
      );
      const counts = countVersions(await repeatRequest({ url: mesh.url + reviewsPath }, count, concurrency));
      const line = problem.position?.line ?? 0;
      return {
        expected: `reported at line ${brokenLine}, v3 ${count}`,
        seen: `${basename(file)}:${line}: ${problem.message.split("\n")[0]?.slice(0, 50)}; ${formatCounts(counts)}`,
        ok: line === brokenLine && counts.v3 === count,
      };
    } finally {
      writeFileSync(file, sound);
      await until(() => mesh.problems().length === 0, { timeoutMs: 5_000, what: "the report to go away" });
    }
  },
};
