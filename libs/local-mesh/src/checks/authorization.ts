import { formatWorkloadIdentity } from "@weft/pki";
import { trustDomain } from "../citadel.ts";
import { until } from "../until.ts";
import { requestCertificate } from "./certificate-request.ts";
import type { Check, CheckedMesh } from "./check.ts";
import { withObjects } from "./check-config.ts";
import { type DirectAnswer, findPod, requestDirectly, reviewsOwnPath } from "./direct-request.ts";

const settleMs = 3_000;
const denial = "RBAC: access denied";

/** A workload answers whom an AuthorizationPolicy names by the identity in their certificate; all others are denied. */
export const deniedRequest: Check = {
  name: "a request that a policy denies",
  run: async (mesh) => {
    const reviews = findPod(mesh, "reviews-v1");
    const ask = async (caller: string) => {
      const identity = findPod(mesh, caller);
      const { citadel } = mesh;
      const { certificateTtlMs: ttlMs } = citadel;
      const shows = await requestCertificate({ citadel, holder: identity, identity, ttlMs });
      return requestDirectly(reviews, reviewsOwnPath, { shows });
    };
    const answers = await withObjects(mesh, [allowOnly(mesh, "productpage-v1")], async () => {
      await until(async () => isDenied(await ask("ratings-v1")), {
        timeoutMs: settleMs,
        what: "a request to be denied",
      });
      return { allowed: await ask("productpage-v1"), denied: await ask("ratings-v1") };
    });
    const { allowed, denied } = answers;
    return {
      expected: `productpage: 200; ratings: 403 ${denial}`,
      seen: `productpage: ${describe(allowed)}; ratings: ${describe(denied)}`,
      ok: allowed.kind === "answered" && allowed.status === 200 && isDenied(denied),
    };
  },
};

function isDenied(answer: DirectAnswer): boolean {
  return answer.kind === "answered" && answer.status === 403 && answer.body.trim() === denial;
}

function describe(answer: DirectAnswer): string {
  if (answer.kind === "refused") return "refused";
  return answer.status === 200 ? "200" : `${answer.status} ${answer.body.trim().slice(0, 40)}`;
}

function allowOnly(mesh: CheckedMesh, caller: string): object {
  const { namespace, serviceAccount } = findPod(mesh, caller);
  const [, principal] = formatWorkloadIdentity({ trustDomain, namespace, serviceAccount }).split("spiffe://");
  return {
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: { name: "weft-check", namespace: "default" },
    spec: {
      selector: { matchLabels: { app: "reviews" } },
      action: "ALLOW",
      rules: [{ from: [{ source: { principals: [principal] } }] }],
    },
  };
}
