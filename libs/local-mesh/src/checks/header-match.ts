import { repeatRequest } from "../load.ts";
import type { Check } from "./check.ts";
import { writeReviews } from "./reviews-config.ts";
import { concurrency, countVersions, formatCounts, reviewsPath, settle } from "./reviews-versions.ts";

const count = 100;

/** A route that matches a header takes every request that has it, and no other. */
export const headerMatch: Check = {
  name: "end-user: jason goes to reviews v2",
  run: async (mesh) => {
    const headers = { "end-user": "jason" };
    writeReviews(mesh.configFolder, { jason: { v2: 100 }, others: { v1: 100 } });
    await settle(mesh, ["v1"]);
    await settle(mesh, ["v2"], headers);
    const url = mesh.url + reviewsPath;
    const jason = countVersions(await repeatRequest({ url, headers }, count, concurrency));
    const others = countVersions(await repeatRequest({ url }, count, concurrency));
    return {
      expected: `jason v2 ${count}; others v1 ${count}`,
      seen: `jason ${formatCounts(jason)}; others ${formatCounts(others)}`,
      ok: jason.v2 === count && others.v1 === count,
    };
  },
};
