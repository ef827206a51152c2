import { startLoad } from "../load.ts";
import { until } from "../until.ts";
import type { Check, CheckedMesh } from "./check.ts";
import { withObjects } from "./check-config.ts";
import { writeReviews } from "./reviews-config.ts";
import { concurrency, reviewsPath, settle, versionOf } from "./reviews-versions.ts";

/** Beyond half of a certificate's life, when each is due: time for a busy machine. */
const patienceMs = 10_000;
const requestsPerConnection = 20;

/** Every workload gets another certificate while requests go on, on ever new connections, and none of them fails. */
export const rotation: Check = {
  name: "certificates renewed under load",
  run: async (mesh) => {
    writeReviews(mesh.configFolder, { others: { v1: 50, v3: 50 } });
    await settle(mesh, ["v1", "v3"]);
    return withObjects(mesh, ["productpage", "reviews"].map(shortConnections), async () => {
      const handshakesBefore = await countHandshakes(mesh);
      const before = await mesh.certificates();
      const load = startLoad({ url: mesh.url + reviewsPath }, concurrency);
      let renewed = 0;
      await until(
        async () => {
          const now = await mesh.certificates();
          renewed = now.filter(
            (one, index) => one !== undefined && one.serialNumber !== before[index]?.serialNumber,
          ).length;
          return renewed === mesh.workloads.length;
        },
        {
          timeoutMs: mesh.citadel.certificateTtlMs / 2 + patienceMs,
          what: () => `${mesh.workloads.length} new certificates; ${renewed} have come`,
          everyMs: 200,
        },
      ).finally(() => load.stop());
      const handshakes = (await countHandshakes(mesh)) - handshakesBefore;
      const failed = load.results.filter((result) => versionOf(result) === undefined).length;
      const { length: sent } = load.results;
      const { length: all } = mesh.workloads;
      return {
        expected: `${all} certificates of ${mesh.citadel.certificateTtlMs / 1000} s renewed, 0 failed`,
        seen: `${renewed} renewed, ${failed} of ${sent} failed, with ${handshakes} handshakes`,
        ok: renewed === all && all > 0 && failed === 0 && sent > 0 && handshakes > 0,
      };
    });
  },
};

/** Adds to the host's rule that connections end soon, so that certificates are shown all the time. */
function shortConnections(host: string): object {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name: `weft-check-${host}`, namespace: "default" },
    spec: {
      host,
      trafficPolicy: { connectionPool: { http: { maxRequestsPerConnection: requestsPerConnection } } },
    },
  };
}

async function countHandshakes(mesh: CheckedMesh): Promise<number> {
  return (await mesh.edges()).reduce((sum, { secured }) => sum + secured, 0);
}
