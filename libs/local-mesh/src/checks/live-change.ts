import { setTimeout as delay } from "node:timers/promises";
import { startLoad } from "../load.ts";
import { until } from "../until.ts";
import type { Check } from "./check.ts";
import { writeReviews } from "./reviews-config.ts";
import { concurrency, reviewsPath, settle, versionOf } from "./reviews-versions.ts";

const limitMs = 1_000;
/** Load before the change, and after its effect: time for a failure to show. */
const aroundMs = 500;

/** A changed file changes where requests go, at once, and neither fails a request nor restarts a proxy. */
export const liveChange: Check = {
  name: "a changed VirtualService under load",
  run: async (mesh) => {
    writeReviews(mesh.configFolder, { others: { v1: 100 } });
    await settle(mesh, ["v1"]);
    const before = await mesh.proxies();
    const load = startLoad({ url: mesh.url + reviewsPath }, concurrency);
    await delay(aroundMs);
    const changedAt = performance.now();
    writeReviews(mesh.configFolder, { others: { v3: 100 } });
    try {
      // Ten times the limit, so that the table can tell how late it was.
      await until(() => load.results.slice(-2 * concurrency).every((result) => versionOf(result) === "v3"), {
        timeoutMs: 10 * limitMs,
        what: "all requests to go to reviews v3",
      });
      await delay(aroundMs);
    } finally {
      await load.stop();
    }
    const after = await mesh.proxies();
    const failed = load.results.filter((result) => versionOf(result) === undefined);
    const lastOld = load.results.findLast((result) => versionOf(result) === "v1");
    const tookMs = Math.max(0, (lastOld?.at ?? changedAt) - changedAt);
    const restarted = before.filter(
      ({ name, pid }) => after.find((proxy) => proxy.name === name)?.pid !== pid,
    );
    return {
      expected: `in force within ${limitMs} ms, 0 failed, no proxy restarted`,
      seen: `${tookMs.toFixed(0)} ms, ${failed.length} of ${load.results.length} failed, ${restarted.length} of ${before.length} proxies restarted`,
      ok: tookMs < limitMs && failed.length === 0 && restarted.length === 0 && before.length > 0,
    };
  },
};
