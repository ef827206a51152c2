import { type LoadResult, repeatRequest } from "../load.ts";
import { until } from "../until.ts";
import type { CheckedMesh } from "./check.ts";

/** Where the product page's JSON API hands on what reviews answers. */
export const reviewsPath = "/api/v1/products/0/reviews";

/** Clients that send at once, so that the load stays bounded. */
export const concurrency = 8;

/** The version that answered, by the name of its pod (`reviews-v2-…`); undefined where the answer is none of reviews. */
export function versionOf(result: LoadResult): string | undefined {
  if (result.status !== 200) return undefined;
  return /"podname":"reviews-(v\d+)-/.exec(result.body)?.[1];
}

/** Answers by version; those that failed stand under `failed`. */
export function countVersions(results: readonly LoadResult[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const result of results) {
    const version = versionOf(result) ?? "failed";
    counts[version] = (counts[version] ?? 0) + 1;
  }
  return counts;
}

/** `v1 90, v3 10` */
export function formatCounts(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1));
  return parts.length === 0 ? "nothing" : parts.map(([version, count]) => `${version} ${count}`).join(", ");
}

/** Most time a changed file may take to change traffic before a check that builds on it gives up. */
const settleMs = 3_000;

/** Waits until ten requests in a row are answered by one of `versions` each, and by all of them where `all` is set. */
export async function settle(
  mesh: CheckedMesh,
  versions: readonly string[],
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  let last: Record<string, number> = {};
  await until(
    async () => {
      last = countVersions(await repeatRequest({ url: mesh.url + reviewsPath, headers }, 10, 1));
      return Object.keys(last).every((version) => versions.includes(version));
    },
    {
      timeoutMs: settleMs,
      what: () => `reviews ${versions.join(", ")}; ten requests went to ${formatCounts(last)}`,
    },
  );
}
