import { startLoad } from "../load.ts";
import { until } from "../until.ts";
import type { Check } from "./check.ts";
import { withObjects } from "./check-config.ts";
import { findPod, formatAnswer, requestDirectly, reviewsOwnPath } from "./direct-request.ts";
import { writeReviews } from "./reviews-config.ts";
import { concurrency, reviewsPath, settle, versionOf } from "./reviews-versions.ts";

const settleMs = 3_000;

/** For the whole mesh: its namespace is the mesh's own. */
const strictEverywhere = {
  apiVersion: "security.istio.io/v1",
  kind: "PeerAuthentication",
  metadata: { name: "weft-check", namespace: "istio-system" },
  spec: { mtls: { mode: "STRICT" } },
};

/** With STRICT mutual TLS a workload answers plain text no more; the mesh's own requests do not notice. */
export const strictMutualTls: Check = {
  name: "STRICT refuses plain text",
  run: async (mesh) => {
    const reviews = findPod(mesh, "reviews-v1");
    writeReviews(mesh.configFolder, { others: { v1: 100 } });
    await settle(mesh, ["v1"]);
    const ask = () => requestDirectly(reviews, reviewsOwnPath, "plain");
    const before = await ask();
    const load = startLoad({ url: mesh.url + reviewsPath }, concurrency);
    let during = before;
    try {
      await withObjects(mesh, [strictEverywhere], () =>
        until(
          async () => {
            during = await ask();
            return during.kind === "refused";
          },
          {
            timeoutMs: settleMs,
            what: () => `plain text to be refused; it was answered ${formatAnswer(during)}`,
          },
        ),
      );
      await until(async () => (await ask()).kind === "answered", {
        timeoutMs: settleMs,
        what: "plain text to be answered again",
      });
    } finally {
      await load.stop();
    }
    const failed = load.results.filter((result) => versionOf(result) === undefined).length;
    const { length: sent } = load.results;
    return {
      expected: "plain text: 200, with STRICT refused; 0 failed through the mesh",
      seen: `${formatAnswer(before)}, ${formatAnswer(during)}; ${failed} of ${sent} failed`,
      ok:
        before.kind === "answered" &&
        before.status === 200 &&
        during.kind === "refused" &&
        failed === 0 &&
        sent > 0,
    };
  },
};
