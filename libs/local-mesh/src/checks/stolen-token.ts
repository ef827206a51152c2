import { CaClientError } from "@weft/identity";
import { requestCertificate } from "./certificate-request.ts";
import type { Check, CheckedWorkload } from "./check.ts";

/** A token gets certificates of its own identity, and of no other: who steals it from one namespace has nothing of another. */
export const stolenToken: Check = {
  name: "a stolen token of another namespace",
  run: async ({ citadel, workloads }) => {
    const thief = workloads.at(-1);
    const victim = workloads.find(({ namespace }) => namespace !== thief?.namespace);
    if (thief === undefined || victim === undefined)
      return { expected: "workloads of two namespaces", seen: "there are none", ok: false };
    const ask = (identity: CheckedWorkload) =>
      requestCertificate({ citadel, holder: thief, identity, ttlMs: citadel.certificateTtlMs }).then(
        () => "a certificate",
        (error: unknown) => {
          if (error instanceof CaClientError) return "nothing";
          throw error;
        },
      );
    const own = await ask(thief);
    const stolen = await ask(victim);
    return {
      expected: `${thief.namespace}: a certificate; ${victim.namespace}: nothing`,
      seen: `${thief.namespace}: ${own}; ${victim.namespace}: ${stolen}`,
      ok: own === "a certificate" && stolen === "nothing",
    };
  },
};
