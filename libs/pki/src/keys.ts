import { createPrivateKey, createPublicKey, generateKeyPair as generate, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { guard, PkiError } from "./error.ts";
import { parseOnePem } from "./pem.ts";
import { Secret } from "./secret.ts";

/** What key to make. RSA keys have 2048 to 8192 bits. */
export type KeyKind =
  | { readonly kind: "ecdsa"; readonly curve: "P-256" | "P-384" }
  | { readonly kind: "rsa"; readonly bits: number };

/** A private key and its public one. Node's key objects show nothing of a key when logged. */
export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** The key unless another is asked for. */
export const defaultKeyKind: KeyKind = { kind: "ecdsa", curve: "P-256" };

const minRsaBits = 2048;
const maxRsaBits = 8192;
/** Node's (OpenSSL's) names of the curves that are taken: those that TLS stacks take in certificates. */
const curves: Readonly<Record<string, "P-256" | "P-384">> = { prime256v1: "P-256", secp384r1: "P-384" };
const allowed = `allowed are ECDSA on P-256 or P-384, and RSA of ${minRsaBits} to ${maxRsaBits} bits`;

const generateAsync = promisify(generate);

/** Makes a key off the event loop: ECDSA P-256 unless told. */
export async function generateKeyPair(kind: KeyKind = defaultKeyKind): Promise<KeyPair> {
  if (kind.kind === "ecdsa") return generateAsync("ec", { namedCurve: kind.curve });
  if (!Number.isInteger(kind.bits) || kind.bits < minRsaBits || kind.bits > maxRsaBits) {
    throw new PkiError("bad-key", `RSA key of ${kind.bits} bits: ${allowed}`);
  }
  return generateAsync("rsa", { modulusLength: kind.bits });
}

/**
 * What kind of key it is; throws `bad-key` for one that is not taken: too short, too long (verifying with it would cost too much),
 * an unusual RSA exponent, another curve or algorithm.
 */
export function keyKindOf(key: KeyObject): KeyKind {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {} } = key;
  if (type === "ec") {
    const curve = curves[details.namedCurve ?? ""];
    if (curve !== undefined) return { kind: "ecdsa", curve };
    throw new PkiError("bad-key", `EC key on curve ${details.namedCurve ?? "unnamed"}: ${allowed}`);
  }
  if (type === "rsa") {
    const { modulusLength: bits = 0, publicExponent = 0n } = details;
    if (bits < minRsaBits || bits > maxRsaBits) {
      throw new PkiError("bad-key", `RSA key of ${bits} bits: ${allowed}`);
    }
    if (publicExponent < 65537n || publicExponent > 0xffff_ffffn) {
      throw new PkiError("bad-key", `RSA key with exponent ${publicExponent}: allowed are 65537 to 2^32`);
    }
    return { kind: "rsa", bits };
  }
  throw new PkiError("bad-key", `key of type ${type ?? "unknown"}: ${allowed}`);
}

/** Reads a public key from SubjectPublicKeyInfo; throws `bad-key`. */
export function readPublicKey(spki: Uint8Array): KeyObject {
  const key = guard("bad-key", "the public key cannot be read", () =>
    createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" }),
  );
  keyKindOf(key);
  return key;
}

/** Reads an unencrypted private key from PEM: PKCS #8, PKCS #1 or SEC 1. Throws `bad-key` or `bad-pem`. */
export function readPrivateKey(pem: Secret<string>): KeyPair {
  // OpenSSL writes the curve in a block of its own before a SEC 1 key.
  const text = pem
    .expose()
    .replace(/-----BEGIN EC PARAMETERS-----[^-]{1,4096}-----END EC PARAMETERS-----\s*/, "");
  const { label } = parseOnePem(text, ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"]);
  // The cause is left out: what OpenSSL says of a key could hold parts of it.
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey({ key: text, format: "pem" });
  } catch {
    throw new PkiError("bad-key", `the private key (${label}) cannot be read; it must not be encrypted`);
  }
  keyKindOf(privateKey);
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

/** A private key as PKCS #8 PEM, for a file of mode 0600 or an SDS answer. */
export function exportPrivateKey(key: KeyObject): Secret<string> {
  return new Secret(key.export({ format: "pem", type: "pkcs8" }) as string); // PEM is text
}

/** A public key's SubjectPublicKeyInfo, as OpenSSL writes it: nothing of how the other side wrote it is kept. */
export function exportPublicKey(key: KeyObject): Buffer {
  return key.export({ format: "der", type: "spki" }) as Buffer; // DER is bytes
}
