import type { KeyObject } from "node:crypto";
import { type Clock, systemClock } from "@weft/base";
import type { JWTPayload } from "jose";
import { PkiError } from "./error.ts";
import { type JwtKeys, resolveKeys } from "./jwks.ts";
import { keyKindOf } from "./keys.ts";
import type { Secret } from "./secret.ts";

/**
 * Algorithms that tokens may be signed by. `none` and those with a shared secret (HS256 …) are not among them and cannot be added:
 * a public key must never come to be used as a secret.
 */
export const jwtAlgorithms = ["ES256", "ES384", "RS256", "RS384", "RS512", "PS256"] as const;
export type JwtAlgorithm = (typeof jwtAlgorithms)[number];

/** Settings of {@link createJwtVerifier}. */
export interface JwtVerifierOptions {
  /** The `iss` that tokens must have. */
  readonly issuer: string;
  /** One of them must be in `aud`. */
  readonly audiences: readonly string[];
  readonly keys: JwtKeys;
  /** All of {@link jwtAlgorithms} unless told. */
  readonly algorithms?: readonly JwtAlgorithm[];
  /** How far clocks may be apart, for `exp` and `nbf`; 10,000 ms unless told. */
  readonly leewayMs?: number;
  readonly clock?: Clock;
}

/** The claims of a token that was verified. */
export interface JwtClaims {
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** All claims, as they came. */
  readonly all: Readonly<Record<string, unknown>>;
}

/** Verifies tokens of one issuer. */
export interface JwtVerifier {
  /** Throws `bad-token` with the reason for a token that is not to be believed; also where the keys could not be fetched. */
  verify(token: Secret<string>): Promise<JwtClaims>;
}

/** Largest token that is read. */
export const maxTokenBytes = 16 * 1024;

/**
 * Creates a verifier: signature by one of the issuer's keys, `iss`, `aud`, `exp` (which must be there) and `nbf`.
 * Keys that a token brings along (`jwk`, `jku`, `x5c`) are not looked at. https://www.rfc-editor.org/rfc/rfc8725
 */
export async function createJwtVerifier(options: JwtVerifierOptions): Promise<JwtVerifier> {
  const { issuer, audiences, algorithms = jwtAlgorithms, leewayMs = 10_000, clock = systemClock } = options;
  if (issuer === "" || audiences.length === 0) {
    throw new PkiError("bad-jwks", "an issuer and at least one audience are needed to verify tokens");
  }
  for (const algorithm of algorithms) {
    if (!jwtAlgorithms.includes(algorithm)) {
      throw new PkiError("bad-jwks", `algorithm ${algorithm}: allowed are ${jwtAlgorithms.join(", ")}`);
    }
  }
  const { jwtVerify } = await import("jose");
  const getKey = await resolveKeys(options.keys);
  return {
    verify: async (token) => {
      const text = token.expose();
      if (text.length > maxTokenBytes) {
        throw new PkiError("bad-token", `token of ${text.length} bytes, allowed are ${maxTokenBytes}`);
      }
      try {
        const { payload } = await jwtVerify(text, getKey, {
          algorithms: [...algorithms],
          issuer,
          audience: [...audiences],
          clockTolerance: leewayMs / 1000,
          currentDate: new Date(clock.now()),
          requiredClaims: ["exp", "sub"],
        });
        return toClaims(payload, issuer);
      } catch (cause) {
        if (cause instanceof PkiError) throw cause;
        const why = cause instanceof Error ? cause.message : "it cannot be read";
        // The cause is left out: it holds the claims of a token that may be somebody's.
        throw new PkiError("bad-token", `token of issuer ${issuer} not taken: ${why}`);
      }
    },
  };
}

function toClaims(payload: JWTPayload, issuer: string): JwtClaims {
  const { sub, aud = [], exp } = payload;
  if (typeof sub !== "string" || sub === "") throw new PkiError("bad-token", "the token has no subject");
  return {
    issuer,
    subject: sub,
    audiences: typeof aud === "string" ? [aud] : aud,
    expiresAt: (exp ?? 0) * 1000,
    all: payload,
  };
}

/** What {@link signJwt} puts into a token. Times are milliseconds since the epoch. */
export interface JwtContent {
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  readonly issuedAt: number;
  readonly notBefore: number;
  readonly expiresAt: number;
  readonly id: string;
  readonly more?: Readonly<Record<string, unknown>>;
}

/** Signs a token by an ECDSA or RSA key (ES256, ES384, RS256). */
export async function signJwt(
  content: JwtContent,
  signer: { readonly key: KeyObject; readonly keyId: string },
): Promise<string> {
  const { SignJWT } = await import("jose");
  const kind = keyKindOf(signer.key);
  const alg = kind.kind === "rsa" ? "RS256" : kind.curve === "P-384" ? "ES384" : "ES256";
  return new SignJWT({ ...content.more })
    .setProtectedHeader({ alg, kid: signer.keyId, typ: "JWT" })
    .setIssuer(content.issuer)
    .setSubject(content.subject)
    .setAudience([...content.audiences])
    .setIssuedAt(Math.floor(content.issuedAt / 1000))
    .setNotBefore(Math.floor(content.notBefore / 1000))
    .setExpirationTime(Math.floor(content.expiresAt / 1000))
    .setJti(content.id)
    .sign(signer.key);
}
