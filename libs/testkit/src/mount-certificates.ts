import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  buildCertificate,
  createSigner,
  exportPrivateKey,
  formatCertificate,
  generateKeyPair,
  parseCertificateDer,
  randomSerial,
} from "@weft/pki";
/** Files of a certificate, its key, and the roots, PEM. */
export interface MountedFiles {
  readonly certificateChain: string;
  readonly privateKey: string;
  readonly roots: string;
}

/** Where {@link mountCertificates} writes. */
export function mountedFiles(folder: string): MountedFiles {
  const file = (name: string) => join(folder, name);
  return { certificateChain: file("chain.pem"), privateKey: file("key.pem"), roots: file("root.pem") };
}

/** Writes a root, and a certificate and key below it, that are good for so many days. */
export async function mountCertificates(files: MountedFiles, days: number): Promise<void> {
  const ca = await generateKeyPair();
  const leaf = await generateKeyPair();
  const times = { notBefore: Date.now() - 1_000, notAfter: Date.now() + days * 86_400_000 };
  const rootDer = buildCertificate(
    {
      ...times,
      serialNumber: randomSerial(),
      subject: { commonName: "root" },
      publicKey: ca.publicKey,
      use: { kind: "ca" },
    },
    { kind: "self", key: ca.privateKey },
  );
  const root = parseCertificateDer(rootDer);
  const der = buildCertificate(
    {
      notBefore: root.notBefore,
      notAfter: root.notAfter,
      serialNumber: randomSerial(),
      names: { uris: ["spiffe://cluster.local/ns/default/sa/web"] },
      publicKey: leaf.publicKey,
      use: { kind: "leaf" },
    },
    createSigner(root, ca.privateKey),
  );
  writeFileSync(files.privateKey, exportPrivateKey(leaf.privateKey).expose());
  writeFileSync(files.certificateChain, formatCertificate({ der }));
  writeFileSync(files.roots, formatCertificate(root));
}
