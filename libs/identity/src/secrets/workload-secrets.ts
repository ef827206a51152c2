import {
  type Certificate,
  exportPrivateKey,
  exportPublicKey,
  isCa,
  type KeyPair,
  PkiError,
  parseCertificates,
  type Secret,
  verifyChain,
} from "@weft/pki";

/** What a proxy needs to be somebody, and to know the others: the secrets `default` and `ROOTCA`. */
export interface WorkloadSecrets {
  /** The certificate and what stands between it and its root, PEM. */
  readonly certificateChain: string;
  /** PKCS #8, PEM. */
  readonly privateKey: Secret<string>;
  /** Roots that peers are verified against, PEM. */
  readonly roots: string;
  /** For logs: the SPIFFE ID, or the subject where there is none. */
  readonly name: string;
  readonly serialNumber: string;
  /** Fingerprint of the root that the certificate ends at. */
  readonly signedBy: string;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

/** The parts that {@link joinSecrets} puts together. */
export interface SecretParts {
  readonly keys: KeyPair;
  /** The leaf first, PEM. */
  readonly chain: string;
  readonly roots: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Puts key, chain and roots together; throws {@link PkiError} where they do not belong together, or are of no use: a proxy is not given what its
 * peers would refuse.
 */
export function joinSecrets({ keys, chain, roots, now }: SecretParts): WorkloadSecrets {
  const [leaf, ...intermediates] = parseCertificates(chain);
  if (leaf === undefined) throw new PkiError("bad-certificate", "the chain has no certificate");
  if (!exportPublicKey(leaf.publicKey).equals(exportPublicKey(keys.publicKey))) {
    throw new PkiError("bad-certificate", `the certificate of ${nameOf(leaf)} is not for the key beside it`);
  }
  const anchors = parseCertificates(roots);
  for (const root of anchors) {
    if (!isCa(root)) throw new PkiError("bad-bundle", `${root.subject} is given as a root and is no CA`);
  }
  const verified = verifyChain(leaf, { intermediates, roots: anchors, now, purpose: "any" });
  return {
    certificateChain: chain,
    privateKey: exportPrivateKey(keys.privateKey),
    roots,
    name: nameOf(leaf),
    serialNumber: leaf.serialNumber,
    signedBy: (verified.at(-1) ?? leaf).fingerprint,
    notAfter: Math.min(leaf.notAfter, ...intermediates.map(({ notAfter }) => notAfter)),
  };
}

function nameOf({ subjectAltNames, subject }: Certificate): string {
  return subjectAltNames.uris[0] ?? subject;
}
