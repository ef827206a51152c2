import {
  buildCertificate,
  createSigner,
  exportPrivateKey,
  formatCertificate,
  generateKeyPair,
  parseCertificateDer,
  randomSerial,
} from "@weft/pki";

/** For tests: a certificate and its key, in PEM. */
export interface Identity {
  readonly chain: string;
  readonly key: string;
}

/** For tests: a CA that issues to whoever asks. */
export interface TestAuthority {
  /** Its certificate, in PEM. */
  readonly root: string;
  issue(options?: {
    readonly uris?: readonly string[];
    readonly dns?: readonly string[];
    /** Hours from now; negative: expired. */
    readonly hours?: number;
    readonly rsa?: boolean;
  }): Promise<Identity>;
}

const hourMs = 3_600_000;

/** For tests: makes a CA. */
export async function createTestAuthority(name = "root"): Promise<TestAuthority> {
  const ca = await generateKeyPair();
  const now = Date.now();
  const subject = { organization: "weft", commonName: name };
  const der = buildCertificate(
    {
      serialNumber: randomSerial(),
      subject,
      notBefore: now - 100 * hourMs,
      notAfter: now + 100 * hourMs,
      publicKey: ca.publicKey,
      use: { kind: "ca" },
    },
    { kind: "self", key: ca.privateKey },
  );
  const certificate = parseCertificateDer(der);
  const signer = createSigner(certificate, ca.privateKey);
  return {
    root: formatCertificate(certificate),
    async issue({ uris, dns, hours = 1, rsa = false } = {}) {
      const { privateKey, publicKey } = await generateKeyPair(rsa ? { kind: "rsa", bits: 2048 } : undefined);
      const names =
        uris === undefined && dns === undefined
          ? { uris: ["spiffe://td/ns/a/sa/web"] }
          : { uris: uris ?? [], dns: dns ?? [] };
      const leaf = buildCertificate(
        {
          serialNumber: randomSerial(),
          names,
          notBefore: now - 50 * hourMs,
          notAfter: now + hours * hourMs,
          publicKey,
          use: { kind: "leaf" },
        },
        signer,
      );
      return {
        chain: formatCertificate(parseCertificateDer(leaf)),
        key: exportPrivateKey(privateKey).expose(),
      };
    },
  };
}
