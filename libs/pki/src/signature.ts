import { type KeyObject, sign, verify } from "node:crypto";
import { AlgorithmIdentifier } from "@peculiar/asn1-x509";
import { PkiError, type PkiErrorCode } from "./error.ts";
import { keyKindOf } from "./keys.ts";

/** Signature algorithms that are taken: nothing with SHA-1 or MD5, no RSA-PSS (few TLS stacks take it in certificates). */
interface SignatureAlgorithm {
  readonly oid: string;
  readonly hash: "sha256" | "sha384" | "sha512";
  readonly key: "ec" | "rsa";
}

const algorithms: readonly SignatureAlgorithm[] = [
  { oid: "1.2.840.10045.4.3.2", hash: "sha256", key: "ec" },
  { oid: "1.2.840.10045.4.3.3", hash: "sha384", key: "ec" },
  { oid: "1.2.840.10045.4.3.4", hash: "sha512", key: "ec" },
  { oid: "1.2.840.113549.1.1.11", hash: "sha256", key: "rsa" },
  { oid: "1.2.840.113549.1.1.12", hash: "sha384", key: "rsa" },
  { oid: "1.2.840.113549.1.1.13", hash: "sha512", key: "rsa" },
];

function find(oid: string): SignatureAlgorithm | undefined {
  return algorithms.find((one) => one.oid === oid);
}

/** Whether a signature by this algorithm is worth anything. */
export function isStrongSignature(oid: string): boolean {
  return find(oid) !== undefined;
}

/** The algorithm that goes with a key: SHA-384 with P-384, else SHA-256. */
export function signatureAlgorithmFor(key: KeyObject): AlgorithmIdentifier {
  const kind = keyKindOf(key);
  if (kind.kind === "rsa") {
    // RFC 4055: NULL parameters with RSA, none with ECDSA (RFC 5758).
    return new AlgorithmIdentifier({ algorithm: "1.2.840.113549.1.1.11", parameters: null });
  }
  return new AlgorithmIdentifier({
    algorithm: kind.curve === "P-384" ? "1.2.840.10045.4.3.3" : "1.2.840.10045.4.3.2",
  });
}

/** Signs by the algorithm that {@link signatureAlgorithmFor} gives. */
export function signWith(key: KeyObject, data: Uint8Array): Buffer {
  return sign(find(signatureAlgorithmFor(key).algorithm)?.hash, data, key);
}

/** Checks a signature; throws `code` for an algorithm that is not taken or does not go with the key. */
export function verifySignature(
  { oid, data, signature }: { oid: string; data: ArrayBuffer; signature: ArrayBuffer },
  key: KeyObject,
  code: PkiErrorCode,
): boolean {
  const algorithm = find(oid);
  if (algorithm === undefined) {
    throw new PkiError(
      code,
      `signature algorithm ${oid}: allowed are ECDSA and RSA with SHA-256, SHA-384 or SHA-512`,
    );
  }
  if (algorithm.key !== key.asymmetricKeyType) {
    throw new PkiError(code, `signature algorithm ${oid} does not go with the key`);
  }
  return verify(algorithm.hash, Buffer.from(data), key, Buffer.from(signature));
}
