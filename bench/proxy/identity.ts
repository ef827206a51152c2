import {
  buildCertificate,
  createSigner,
  exportPrivateKey,
  formatCertificate,
  generateKeyPair,
  parseCertificateDer,
  randomSerial,
} from "@weft/pki";
import type { MeshIdentity } from "./bootstrap.ts";

const uri = "spiffe://bench/ns/default/sa/bench";

/** Makes a CA and a workload's certificate, ECDSA P-256, for an hour. */
export async function createIdentity(port: number): Promise<MeshIdentity> {
  const [ca, leaf] = await Promise.all([generateKeyPair(), generateKeyPair()]);
  const now = Date.now();
  const times = { notBefore: now - 60_000, notAfter: now + 3_600_000 };
  const leafTimes = { ...times, notAfter: times.notAfter - 60_000 };
  const subject = { organization: "bench", commonName: "root" };
  const root = parseCertificateDer(
    buildCertificate(
      { ...times, serialNumber: randomSerial(), subject, publicKey: ca.publicKey, use: { kind: "ca" } },
      { kind: "self", key: ca.privateKey },
    ),
  );
  const names = { uris: [uri] };
  const certificate = buildCertificate(
    { ...leafTimes, serialNumber: randomSerial(), names, publicKey: leaf.publicKey, use: { kind: "leaf" } },
    createSigner(root, ca.privateKey),
  );
  return {
    chain: formatCertificate(parseCertificateDer(certificate)),
    key: exportPrivateKey(leaf.privateKey).expose(),
    root: formatCertificate(root),
    uri,
    port,
  };
}
