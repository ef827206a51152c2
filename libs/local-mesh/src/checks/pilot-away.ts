import { setTimeout as delay } from "node:timers/promises";
import { startLoad } from "../load.ts";
import { until } from "../until.ts";
import type { Check } from "./check.ts";
import { concurrency, reviewsPath, versionOf } from "./reviews-versions.ts";

const awayMs = 2_000;
const syncMs = 15_000;

/** Without pilot-discovery traffic goes on; when it is back, every proxy is in step with it again. */
export const pilotAway: Check = {
  name: "pilot-discovery stopped and started",
  run: async (mesh) => {
    const proxies = await mesh.proxies();
    const load = startLoad({ url: mesh.url + reviewsPath }, concurrency);
    await mesh.stopPilot();
    const stopped = await mesh.proxyStatus().then(
      () => false,
      () => true,
    );
    await delay(awayMs);
    const sentAway = load.results.length;
    const started = performance.now();
    await mesh.startPilot();
    let synced = 0;
    await until(
      async () => {
        synced = (await mesh.proxyStatus()).filter(({ status }) => status === "SYNCED").length;
        return synced === proxies.length;
      },
      { timeoutMs: syncMs, what: () => `${proxies.length} proxies to be SYNCED; ${synced} are` },
    ).finally(() => load.stop());
    const tookMs = performance.now() - started;
    const failed = load.results.filter((result) => versionOf(result) === undefined).length;
    return {
      expected: `0 failed while it is away, then ${proxies.length} SYNCED`,
      seen: `${failed} of ${load.results.length} failed, ${synced} SYNCED after ${(tookMs / 1000).toFixed(1)} s${stopped ? "" : ", but pilot-discovery had not stopped"}`,
      ok: stopped && failed === 0 && sentAway > 0 && synced === proxies.length && synced > 0,
    };
  },
};
