import { formatWorkloadIdentity } from "@weft/pki";
import { trustDomain } from "../citadel.ts";
import { securityOf } from "../edges.ts";
import { until } from "../until.ts";
import type { Check } from "./check.ts";
import { pageThroughIngress } from "./page.ts";

const readMs = 5_000;

/** Without being asked, mutual TLS secures what workloads send each other, and each has a certificate of its own account. */
export const mutualTls: Check = {
  name: "mutual TLS between workloads",
  run: async (mesh) => {
    await pageThroughIngress.run(mesh);
    // Envoy adds the counters of its threads up every five seconds, unless somebody asks for them.
    const edges = await until(
      async () => {
        const all = (await mesh.edges()).filter(({ requests }) => requests > 0);
        return all.length > 0 ? all : undefined;
      },
      { timeoutMs: readMs, what: "requests to be counted" },
    );
    const certificates = await mesh.certificates();
    const right = mesh.workloads.filter(({ namespace, serviceAccount }, index) => {
      const identity = formatWorkloadIdentity({ trustDomain, namespace, serviceAccount });
      return certificates[index]?.identity === identity;
    });
    const secured = edges.filter((edge) => securityOf(edge) === "yes");
    const { length } = mesh.workloads;
    return {
      expected: "on each edge; each workload's certificate names its service account",
      seen: `on ${secured.length} of ${edges.length} edges; ${right.length} of ${length} certificates`,
      ok: edges.length > 0 && secured.length === edges.length && length > 0 && right.length === length,
    };
  },
};
