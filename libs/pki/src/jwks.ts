import { hash, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { FetchImplementation, JSONWebKeySet, JWTVerifyGetKey } from "jose";
import { PkiError } from "./error.ts";
import { exportPublicKey } from "./keys.ts";

/** Where the keys that verify tokens come from. */
export type JwtKeys =
  | { readonly kind: "inline"; readonly jwks: string }
  /** `https:`, `file:`, or `http:` to this machine. Read when first needed, after 10 minutes, and for an unknown key at most every 30 s. */
  | { readonly kind: "url"; readonly url: string };

/** Largest key set that is read. */
export const maxJwksBytes = 256 * 1024;

const fetchTimeoutMs = 5_000;
const maxAgeMs = 600_000;
const cooldownMs = 30_000;

/** Makes the function that finds a token's key. Throws `bad-jwks` for keys or a URL that cannot be right. A fetch that fails verifies nothing. */
export async function resolveKeys(keys: JwtKeys): Promise<JWTVerifyGetKey> {
  const { createLocalJWKSet, createRemoteJWKSet, customFetch } = await import("jose");
  if (keys.kind === "inline") {
    if (keys.jwks.length > maxJwksBytes)
      throw new PkiError("bad-jwks", `JWKS larger than ${maxJwksBytes} bytes`);
    try {
      return createLocalJWKSet(JSON.parse(keys.jwks) as JSONWebKeySet); // its form is checked by jose
    } catch (cause) {
      throw new PkiError("bad-jwks", "the JWKS cannot be read: an object with a list `keys` is allowed", {
        cause,
      });
    }
  }
  return createRemoteJWKSet(checkUrl(keys.url), {
    timeoutDuration: fetchTimeoutMs,
    cacheMaxAge: maxAgeMs,
    cooldownDuration: cooldownMs,
    [customFetch]: fetchBounded,
  });
}

function checkUrl(text: string): URL {
  const url = URL.parse(text);
  const local = ["localhost", "127.0.0.1", "[::1]"].includes(url?.hostname ?? "");
  if (url !== null && (["https:", "file:"].includes(url.protocol) || (url.protocol === "http:" && local))) {
    return url;
  }
  throw new PkiError(
    "bad-jwks",
    `JWKS URL ${JSON.stringify(text)}: allowed are https:, file:, and http: to this machine`,
  );
}

/** Fetches without following redirects, and no more than {@link maxJwksBytes}. */
const fetchBounded: FetchImplementation = async (url, options) => {
  if (url.startsWith("file:")) {
    const text = await readFile(fileURLToPath(url));
    if (text.length > maxJwksBytes) throw new PkiError("bad-jwks", `JWKS larger than ${maxJwksBytes} bytes`);
    return new Response(text);
  }
  const response = await fetch(url, options);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxJwksBytes) throw new PkiError("bad-jwks", `JWKS larger than ${maxJwksBytes} bytes`);
    chunks.push(chunk);
  }
  // A status for which the constructor takes no body needs none: only 200 is read.
  return response.status === 200
    ? new Response(Buffer.concat(chunks))
    : new Response(null, { status: response.status < 200 ? 502 : response.status });
};

/** A public key as a JWKS of one, with the key's thumbprint as its id. */
export function toJwks(publicKey: KeyObject): { readonly keyId: string; readonly jwks: string } {
  const jwk = publicKey.export({ format: "jwk" });
  const keyId = hash("sha256", exportPublicKey(publicKey), "base64url");
  return { keyId, jwks: JSON.stringify({ keys: [{ ...jwk, kid: keyId, use: "sig" }] }) };
}
