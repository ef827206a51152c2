import { repeatRequest } from "../load.ts";
import type { Check } from "./check.ts";
import { writeReviews } from "./reviews-config.ts";
import { concurrency, countVersions, formatCounts, reviewsPath, settle } from "./reviews-versions.ts";

const count = 2_000;
/** Percentage points; chance alone stays within, but for once in 100,000 runs (4.5 standard deviations). */
const tolerance = 3;

/** Weighted routes split the requests as their weights say. */
export const weights: Check = {
  name: "weights 90/10 of reviews v1/v3",
  run: async (mesh) => {
    writeReviews(mesh.configFolder, { others: { v1: 90, v3: 10 } });
    // Which of the two jason gets does not matter; that v2 no longer gets him shows that the change is there.
    await settle(mesh, ["v1", "v3"], { "end-user": "jason" });
    const counts = countVersions(await repeatRequest({ url: mesh.url + reviewsPath }, count, concurrency));
    const share = (100 * (counts.v1 ?? 0)) / count;
    const total = (counts.v1 ?? 0) + (counts.v3 ?? 0);
    return {
      expected: `v1 90 % ± ${tolerance} points of ${count}, the rest v3`,
      seen: `v1 ${share.toFixed(1)} % (${formatCounts(counts)})`,
      ok: total === count && Math.abs(share - 90) <= tolerance,
    };
  },
};
