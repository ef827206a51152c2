import {
  buildCertificate,
  type CaSigner,
  type Certificate,
  createSigner,
  exportPrivateKey,
  formatCertificate,
  generateKeyPair,
  parseCertificate,
  parseCertificateDer,
  randomSerial,
  readPrivateKey,
  Secret,
} from "@weft/pki";

/** How long certificates begin before they are made, for clocks that are apart; Istio's two minutes. */
export const backdateMs = 120_000;

/** Settings of {@link createSelfSignedRoot}. */
export interface SelfSignedOptions {
  readonly trustDomain: string;
  readonly now: number;
  readonly ttlMs: number;
}

/**
 * Makes a root with an ECDSA P-256 key. Each has a name of its own, so that verifiers can tell two roots of one trust domain apart; it signs
 * leaves only (path length 0).
 */
export async function createSelfSignedRoot(options: SelfSignedOptions): Promise<CaSigner> {
  const { trustDomain, now, ttlMs } = options;
  const { privateKey, publicKey } = await generateKeyPair();
  const serialNumber = randomSerial();
  const der = buildCertificate(
    {
      serialNumber,
      subject: {
        organization: trustDomain,
        commonName: `Weft root ${Buffer.from(serialNumber.subarray(0, 4)).toString("hex")}`,
      },
      notBefore: now - backdateMs,
      notAfter: now + ttlMs,
      publicKey,
      use: { kind: "ca", pathLength: 0 },
    },
    { kind: "self", key: privateKey },
  );
  return createSigner(parseCertificateDer(der), privateKey);
}

/** Name of a root in the storage and in the state: the beginning of its fingerprint. */
export function rootId(certificate: Certificate): string {
  return certificate.fingerprint.slice(0, 16);
}

/** A root as text, certificate first; what {@link parseRoot} reads. One entry of the storage, so that the two cannot come apart. */
export function formatRoot(root: CaSigner): Secret<string> {
  return new Secret(formatCertificate(root.certificate) + exportPrivateKey(root.key).expose());
}

/** Reads a root of {@link formatRoot}; throws a PkiError. */
export function parseRoot(text: Secret<string>): CaSigner {
  const [certificate = "", key = ""] = text.expose().split(/(?=-----BEGIN PRIVATE KEY-----)/);
  return createSigner(parseCertificate(certificate), readPrivateKey(new Secret(key)).privateKey);
}
