import { setTimeout as delay } from "node:timers/promises";
import {
  buildCertificate,
  createSigner,
  exportPrivateKey,
  formatCertificate,
  formatWorkloadIdentity,
  generateKeyPair,
  parseCertificateDer,
  parseCertificates,
  randomSerial,
} from "@weft/pki";
import { trustDomain } from "../citadel.ts";
import { requestCertificate } from "./certificate-request.ts";
import type { Check, CheckedWorkload } from "./check.ts";
import {
  findPod,
  formatAnswer,
  requestDirectly,
  reviewsOwnPath,
  type ShownIdentity,
} from "./direct-request.ts";

const hourMs = 3_600_000;
/** The shortest life that can be asked for. */
const shortTtlMs = 1_000;

/** A workload answers who shows a certificate of the mesh, while that is good; nobody else. */
export const badCertificates: Check = {
  name: "an expired or foreign certificate",
  run: async (mesh) => {
    const { citadel } = mesh;
    const reviews = findPod(mesh, "reviews-v1");
    const [client] = mesh.workloads;
    if (client === undefined) return { expected: "a workload", seen: "none runs", ok: false };
    const request = (ttlMs: number) =>
      requestCertificate({ citadel, holder: client, identity: client, ttlMs });
    const ask = (shows: ShownIdentity | undefined) => requestDirectly(reviews, reviewsOwnPath, { shows });
    const expired = await request(shortTtlMs);
    const good = await ask(await request(citadel.certificateTtlMs));
    const tries = [
      ["foreign", await ask(await makeForeign(client))],
      ["none", await ask(undefined)],
      ["expired", await ask(await untilExpired(expired))],
    ] as const;
    return {
      expected: "good: 200; foreign, none, expired: refused",
      seen: `good: ${formatAnswer(good)}; ${tries.map(([what, answer]) => `${what}: ${formatAnswer(answer)}`).join(", ")}`,
      ok:
        good.kind === "answered" &&
        good.status === 200 &&
        tries.every(([, answer]) => answer.kind === "refused"),
    };
  },
};

async function untilExpired(shown: ShownIdentity): Promise<ShownIdentity> {
  const ends = Math.min(...parseCertificates(shown.chain).map(({ notAfter }) => notAfter));
  // Its last second counts in full.
  while (Date.now() <= ends + 1_000) await delay(ends + 1_001 - Date.now());
  return shown;
}

/** A certificate of the same identity, by a CA that nobody knows. */
async function makeForeign({ namespace, serviceAccount }: CheckedWorkload): Promise<ShownIdentity> {
  const [ca, leaf] = await Promise.all([generateKeyPair(), generateKeyPair()]);
  // Certificates know whole seconds alone, and a leaf may not outlive its CA.
  const now = Math.floor(Date.now() / 1_000) * 1_000;
  const times = { notBefore: now - hourMs, notAfter: now + hourMs };
  const root = parseCertificateDer(
    buildCertificate(
      {
        ...times,
        serialNumber: randomSerial(),
        subject: { organization: trustDomain },
        publicKey: ca.publicKey,
        use: { kind: "ca" },
      },
      { kind: "self", key: ca.privateKey },
    ),
  );
  const der = buildCertificate(
    {
      ...times,
      serialNumber: randomSerial(),
      names: { uris: [formatWorkloadIdentity({ trustDomain, namespace, serviceAccount })] },
      publicKey: leaf.publicKey,
      use: { kind: "leaf" },
    },
    createSigner(root, ca.privateKey),
  );
  const chain = formatCertificate(parseCertificateDer(der)) + formatCertificate(root);
  return { chain, key: exportPrivateKey(leaf.privateKey).expose() };
}
