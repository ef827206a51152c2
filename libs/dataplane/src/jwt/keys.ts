import { constants, createHmac, createPublicKey, type KeyObject, timingSafeEqual, verify } from "node:crypto";
import { type JwtFailure, jwtFailures } from "./failure.ts";
import type { ParsedToken } from "./token.ts";

/** Keys that signatures are tried with for one token: who forges them is not to choose how long that takes. */
const maxTries = 32;
/** https://www.rfc-editor.org/rfc/rfc7518#section-3.3 */
const minRsaBits = 2048;

/** A key with the algorithms that go with it, and no others. */
interface VerificationKey {
  readonly keyId: string;
  /** The only algorithm, where the set says one; empty where it does not. */
  readonly algorithm: string;
  readonly verify: (token: ParsedToken) => boolean;
}

/** A key set, imported. */
export interface JwtKeySet {
  /** Undefined where the signature is by one of the keys. */
  verify(token: ParsedToken): JwtFailure | undefined;
}

/**
 * Imports a JWKS; keys that cannot be used are left out, with a word for each to `report`. Undefined where none is
 * left: then nothing is believed. https://www.rfc-editor.org/rfc/rfc7517#section-5
 */
export function importKeys(text: string, report: (problem: string) => void): JwtKeySet | undefined {
  let list: unknown;
  try {
    list = (JSON.parse(text) as { readonly keys?: unknown } | null)?.keys;
  } catch {
    report("is an invalid JSON");
    return undefined;
  }
  if (!Array.isArray(list)) {
    report("has no list `keys`");
    return undefined;
  }
  const keys: VerificationKey[] = [];
  for (const [i, jwk] of list.entries()) {
    try {
      keys.push(importKey(jwk as Jwk)); // an object, or the import fails
    } catch (error) {
      report(`keys[${i}] ${(error as Error).message}`);
    }
  }
  if (keys.length === 0) {
    report("has no key that can be used");
    return undefined;
  }
  return { verify: (token) => verifyWith(keys, token) };
}

function verifyWith(keys: readonly VerificationKey[], token: ParsedToken): JwtFailure | undefined {
  let tries = 0;
  if (token.algorithm === "EdDSA" && token.signature.length !== 64) return jwtFailures.ed25519Length;
  for (const key of keys) {
    if (token.keyId !== "" && key.keyId !== "" && key.keyId !== token.keyId) continue;
    if (key.algorithm !== "" && key.algorithm !== token.algorithm) continue;
    if (++tries > maxTries) break;
    if (key.verify(token)) return undefined;
  }
  return tries > 0 ? jwtFailures.verification : jwtFailures.keyMismatch;
}

interface Jwk {
  readonly kty?: unknown;
  readonly kid?: unknown;
  readonly alg?: unknown;
  readonly use?: unknown;
  readonly crv?: unknown;
  readonly k?: unknown;
}

/** Throws with the reason where the key cannot be used. */
function importKey(jwk: Jwk): VerificationKey {
  if (typeof jwk !== "object" || jwk === null) throw new Error("is no object");
  const { kty, kid, alg, use } = jwk;
  if (use === "enc") throw new Error("is for encryption");
  if (alg !== undefined && typeof alg !== "string") throw new Error("has an alg that is no string");
  const verifier = verifierFor(jwk);
  if (alg !== undefined && !verifier.algorithms.includes(alg))
    throw new Error(`is of kty ${String(kty)} and alg ${alg}, which do not go together`);
  return {
    keyId: typeof kid === "string" ? kid : "",
    algorithm: alg ?? "",
    // An algorithm of another kind of key never gets to see this key.
    verify: (token) => verifier.algorithms.includes(token.algorithm) && verifier.verify(token),
  };
}

interface Verifier {
  readonly algorithms: readonly string[];
  readonly verify: (token: ParsedToken) => boolean;
}

const hashOf = (algorithm: string) => `sha${algorithm.slice(2)}`;
const curves: Readonly<Record<string, string>> = { "P-256": "ES256", "P-384": "ES384", "P-521": "ES512" };

function verifierFor(jwk: Jwk): Verifier {
  switch (jwk.kty) {
    case "EC": {
      const algorithm = typeof jwk.crv === "string" && Object.hasOwn(curves, jwk.crv) && curves[jwk.crv];
      if (!algorithm) throw new Error(`has the curve ${String(jwk.crv)}`);
      const key = { key: publicKey(jwk), dsaEncoding: "ieee-p1363" } as const;
      return { algorithms: [algorithm], verify: (token) => check(hashOf(algorithm), token, key) };
    }
    case "RSA": {
      const key = publicKey(jwk);
      const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
      if (bits < minRsaBits) throw new Error(`has ${bits} bits, at least ${minRsaBits} are needed`);
      const pss = {
        key,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      };
      return {
        algorithms: ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
        verify: (token) =>
          check(hashOf(token.algorithm), token, token.algorithm.startsWith("PS") ? pss : { key }),
      };
    }
    case "OKP":
      if (jwk.crv !== "Ed25519") throw new Error(`has the curve ${String(jwk.crv)}`);
      return { algorithms: ["EdDSA"], verify: keyVerifier(publicKey(jwk)) };
    case "oct": {
      if (typeof jwk.k !== "string" || jwk.k === "") throw new Error("has no k");
      const secret = Buffer.from(jwk.k, "base64url");
      return {
        algorithms: ["HS256", "HS384", "HS512"],
        verify: ({ algorithm, signed, signature }) => {
          const mac = createHmac(hashOf(algorithm), secret).update(signed).digest();
          return mac.length === signature.length && timingSafeEqual(mac, signature);
        },
      };
    }
    default:
      throw new Error(`is of kty ${String(jwk.kty)}, known are EC, RSA, OKP, oct`);
  }
}

const keyVerifier = (key: KeyObject) => (token: ParsedToken) => check(undefined, token, { key });

/** A private key in a set would do as well as its public one; only that is kept. */
function publicKey(jwk: Jwk): KeyObject {
  const { d: _private, ...open } = jwk as Readonly<Record<string, unknown>>;
  return createPublicKey({ key: open as never, format: "jwk" }); // what is wrong with it, it says itself
}

function check(
  hash: string | undefined,
  { signed, signature }: ParsedToken,
  key: Parameters<typeof verify>[2],
): boolean {
  return verify(hash, Buffer.from(signed), key, signature);
}
