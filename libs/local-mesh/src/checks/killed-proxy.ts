import { repeatRequest } from "../load.ts";
import { until } from "../until.ts";
import type { Check } from "./check.ts";
import { writeReviews } from "./reviews-config.ts";
import { reviewsPath, settle, versionOf } from "./reviews-versions.ts";

/** On a quiet machine; a busy one is given more. */
const quietLimitMs = 2_000;

/** A proxy that was killed is there again, configured and serving, as another process. */
export const killedProxy: Check = {
  name: "a killed proxy",
  run: async (mesh) => {
    writeReviews(mesh.configFolder, { others: { v1: 100 } });
    await settle(mesh, ["v1"]);
    const find = async () => (await mesh.proxies()).find(({ name }) => name.startsWith("reviews-v1-"));
    const victim = await find();
    if (victim?.pid === undefined)
      return { expected: "a proxy beside reviews v1", seen: "none runs", ok: false };
    const limitMs = Math.round(quietLimitMs * (await mesh.slowdown()));
    process.kill(victim.pid, "SIGKILL");
    const killedAt = performance.now();
    await until(
      async () => {
        const now = await find();
        if (now?.pid === undefined || now.pid === victim.pid || !(await mesh.isReady(now.name))) return false;
        const [result] = await repeatRequest({ url: mesh.url + reviewsPath }, 1, 1);
        return result !== undefined && versionOf(result) === "v1";
      },
      { timeoutMs: 5 * limitMs, what: `${victim.name} to serve again` },
    );
    const tookMs = performance.now() - killedAt;
    return {
      expected: `serving again within ${limitMs} ms, as another process`,
      seen: `${tookMs.toFixed(0)} ms`,
      ok: tookMs < limitMs,
    };
  },
};
