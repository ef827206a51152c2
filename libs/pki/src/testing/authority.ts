import {
  buildCertificate,
  type CaSigner,
  type CertificateTemplate,
  createSigner,
  randomSerial,
} from "../build-certificate.ts";
import { type Certificate, parseCertificateDer } from "../certificate.ts";
import { generateKeyPair, type KeyKind } from "../keys.ts";

/** The time that specs live in. */
export const now = Date.UTC(2030, 0, 15, 12);
const day = 86_400_000;

/** Makes a CA, valid a hundred days around {@link now}: a root, or below another. */
export async function makeCa(
  name: string,
  options: { parent?: CaSigner; key?: KeyKind; template?: Partial<CertificateTemplate> } = {},
): Promise<CaSigner> {
  const { privateKey, publicKey } = await generateKeyPair(options.key);
  const template: CertificateTemplate = {
    serialNumber: randomSerial(),
    subject: { organization: "example", commonName: name },
    notBefore: now - 50 * day,
    notAfter: now + 50 * day,
    publicKey,
    use: { kind: "ca" },
    ...options.template,
  };
  const signer = options.parent ?? ({ kind: "self", key: privateKey } as const);
  return createSigner(parseCertificateDer(buildCertificate(template, signer)), privateKey);
}

/** Makes a leaf for a workload, valid a day around {@link now}. */
export async function makeLeaf(
  parent: CaSigner,
  options: { key?: KeyKind; template?: Partial<CertificateTemplate> } = {},
): Promise<Certificate> {
  const { publicKey } = await generateKeyPair(options.key);
  const template: CertificateTemplate = {
    serialNumber: randomSerial(),
    names: { uris: ["spiffe://cluster.local/ns/default/sa/web"] },
    notBefore: now - day,
    notAfter: now + day,
    publicKey,
    use: { kind: "leaf" },
    ...options.template,
  };
  return parseCertificateDer(buildCertificate(template, parent));
}
