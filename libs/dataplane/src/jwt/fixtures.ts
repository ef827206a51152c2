import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** For tests: a key that signs, with its public half as a JWK. */
export interface SigningKey {
  readonly jwk: Readonly<Record<string, unknown>>;
  sign(algorithm: string, text: string): Buffer;
}

const hashOf = (algorithm: string) => `sha${algorithm.slice(2)}`;

/** For tests: makes a key of a kind of JWK. */
export function signingKey(
  kind: "RSA" | "P-256" | "P-384" | "P-521" | "Ed25519" | "oct",
  kid = "",
): SigningKey {
  const id = kid === "" ? {} : { kid };
  if (kind === "oct") {
    const secret = Buffer.from("0123456789abcdef0123456789abcdef");
    return {
      jwk: { kty: "oct", k: secret.toString("base64url"), ...id },
      sign: (algorithm, text) => createHmac(hashOf(algorithm), secret).update(text).digest(),
    };
  }
  const { publicKey, privateKey } = keyPair(kind);
  return {
    jwk: { ...publicKey.export({ format: "jwk" }), ...id },
    sign: (algorithm, text) => signBy(algorithm, Buffer.from(text), privateKey),
  };
}

function keyPair(kind: "RSA" | "P-256" | "P-384" | "P-521" | "Ed25519") {
  if (kind === "RSA") return generateKeyPairSync("rsa", { modulusLength: 2048 });
  if (kind === "Ed25519") return generateKeyPairSync("ed25519");
  return generateKeyPairSync("ec", { namedCurve: kind });
}

function signBy(algorithm: string, data: Buffer, key: KeyObject): Buffer {
  if (algorithm === "EdDSA") return sign(null, data, key);
  if (algorithm.startsWith("ES")) return sign(hashOf(algorithm), data, { key, dsaEncoding: "ieee-p1363" });
  if (algorithm.startsWith("RS")) return sign(hashOf(algorithm), data, key);
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return sign(hashOf(algorithm), data, { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST });
}

const encode = (value: unknown) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** For tests: a token; header and payload may be texts that are no JSON. */
export function token(
  key: SigningKey,
  payload: unknown,
  header: Readonly<Record<string, unknown>> | string = { alg: "ES256" },
  algorithm = typeof header === "string" ? "ES256" : String(header.alg),
): string {
  const text = `${encode(header)}.${encode(payload)}`;
  return `${text}.${key.sign(algorithm, text).toString("base64url")}`;
}
