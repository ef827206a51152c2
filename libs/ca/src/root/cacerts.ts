import {
  type Certificate,
  createSigner,
  PkiError,
  parseCertificate,
  parseCertificates,
  readPrivateKey,
  type Secret,
  verifyCaChain,
} from "@weft/pki";
import { CaError } from "../error.ts";
import type { SigningMaterial } from "./material.ts";

/** The operator's own CA, under the names that Istio's `cacerts` secret has. All PEM. */
export interface Cacerts {
  /** `ca-cert.pem`: the certificate that signs. */
  readonly caCert: string;
  /** `ca-key.pem` */
  readonly caKey: Secret<string>;
  /** `root-cert.pem`: what workloads trust; may hold several roots. */
  readonly rootCert: string;
  /** `cert-chain.pem`: from the signing certificate upwards, with or without the root; may be empty where the root signs. */
  readonly certChain: string;
}

/**
 * Checks that the four files go together and makes them the CA's material: the key is the certificate's, the certificate is a CA, a chain
 * leads to one of the roots, all are valid now. Throws `bad-material`, which names the file.
 */
export function loadCacerts(files: Cacerts, now: number): SigningMaterial {
  const certificate = read("ca-cert.pem", () => parseCertificate(files.caCert));
  const key = read("ca-key.pem", () => readPrivateKey(files.caKey).privateKey);
  const signer = read("ca-key.pem and ca-cert.pem", () => createSigner(certificate, key));
  const roots = read("root-cert.pem", () => parseCertificates(files.rootCert));
  const chain = read("cert-chain.pem", () => parseCertificates(files.certChain));
  if (roots.length === 0) throw new CaError("bad-material", "root-cert.pem: there is no certificate");
  const isRoot = (one: Certificate) => roots.some((root) => root.fingerprint === one.fingerprint);
  const path = read("ca-cert.pem, cert-chain.pem and root-cert.pem", () =>
    isRoot(certificate) ? [certificate] : verifyCaChain(certificate, { intermediates: chain, roots, now }),
  );
  for (const one of path) {
    if (now > one.notAfter || now < one.notBefore) {
      throw new CaError("bad-material", `certificate ${one.subject}: not valid now`);
    }
  }
  return { signer, intermediates: path.filter((one) => !isRoot(one)), roots };
}

function read<T>(file: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (!(cause instanceof PkiError)) throw cause;
    throw new CaError("bad-material", `${file}: ${cause.message}`, { cause });
  }
}
