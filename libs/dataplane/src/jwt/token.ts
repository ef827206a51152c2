import { type JwtFailure, jwtFailures } from "./failure.ts";

/** Longest token that is read, as in libs/pki. */
export const maxTokenLength = 16 * 1024;

/** Algorithms that signatures may be by; `none` is not among them. https://www.rfc-editor.org/rfc/rfc7518#section-3.1 */
export const jwtAlgorithms = [
  ...["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["HS256", "HS384", "HS512", "EdDSA"],
] as const;

/** A token taken apart; nothing of it is verified. Times are seconds since the epoch, 0 where absent. */
export interface ParsedToken {
  readonly algorithm: string;
  /** Empty where absent. */
  readonly keyId: string;
  readonly header: Readonly<Record<string, unknown>>;
  readonly payload: Readonly<Record<string, unknown>>;
  /** As it stands in the token. */
  readonly payloadText: string;
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  readonly notBefore: number;
  readonly expiresAt: number;
  /** What is signed. */
  readonly signed: string;
  readonly signature: Buffer;
}

/** Thrown within {@link parseToken}, and only there. */
class BadToken extends Error {
  readonly failure: JwtFailure;
  constructor(failure: JwtFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** Takes a token apart. https://www.rfc-editor.org/rfc/rfc7519#section-7.2 */
export function parseToken(text: string): ParsedToken | JwtFailure {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof BadToken) return error.failure;
    throw error;
  }
}

function parse(text: string): ParsedToken {
  const parts = text.length > maxTokenLength ? [] : text.split(".", 4);
  const [headerText, payloadText, signatureText] = parts;
  if (parts.length !== 3 || !headerText || !payloadText || !signatureText)
    throw new BadToken(jwtFailures.badFormat);
  const header = readJson(headerText, jwtFailures.headerBase64, jwtFailures.headerJson);
  const { alg, kid, crit } = header;
  if (typeof alg !== "string") throw new BadToken(jwtFailures.headerAlg);
  if (!(jwtAlgorithms as readonly string[]).includes(alg)) throw new BadToken(jwtFailures.algorithm);
  if (kid !== undefined && typeof kid !== "string") throw new BadToken(jwtFailures.headerKid);
  // None of the extensions that may be critical is known: https://www.rfc-editor.org/rfc/rfc7515#section-4.1.11
  if (crit !== undefined) throw new BadToken(jwtFailures.verification);
  const payload = readJson(payloadText, jwtFailures.payloadBase64, jwtFailures.payloadJson);
  const issuer = readText(payload.iss, jwtFailures.iss);
  const subject = readText(payload.sub, jwtFailures.sub);
  readTime(payload.iat, jwtFailures.iat, jwtFailures.iatRange);
  const notBefore = readTime(payload.nbf, jwtFailures.nbf, jwtFailures.nbfRange);
  const expiresAt = readTime(payload.exp, jwtFailures.exp, jwtFailures.expRange);
  readText(payload.jti, jwtFailures.jti);
  const audiences = readAudiences(payload.aud);
  return {
    algorithm: alg,
    keyId: kid ?? "",
    header,
    payload,
    payloadText,
    issuer,
    subject,
    audiences,
    notBefore,
    expiresAt,
    signed: `${headerText}.${payloadText}`,
    signature: readBase64(signatureText, jwtFailures.signatureBase64),
  };
}

/** Strict: two texts for the same bytes would be two tokens to a cache and one to a list of those withdrawn. */
function readBase64(text: string, failure: JwtFailure): Buffer {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.toString("base64url") !== text) throw new BadToken(failure);
  return bytes;
}

function readJson(text: string, base64: JwtFailure, json: JwtFailure): Readonly<Record<string, unknown>> {
  const bytes = readBase64(text, base64);
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch {
    throw new BadToken(json);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new BadToken(json);
  return value as Readonly<Record<string, unknown>>; // it is an object of JSON
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function readText(value: unknown, failure: JwtFailure): string {
  if (value === undefined) return "";
  if (typeof value !== "string") throw new BadToken(failure);
  return value;
}

function readTime(value: unknown, failure: JwtFailure, range: JwtFailure): number {
  if (value === undefined) return 0;
  if (typeof value !== "number") throw new BadToken(failure);
  if (value < 0 || value >= 2 ** 64) throw new BadToken(range);
  return Math.floor(value);
}

function readAudiences(value: unknown): readonly string[] {
  if (value === undefined) return [];
  if (typeof value === "string") return [value];
  if (!Array.isArray(value) || value.some((one) => typeof one !== "string"))
    throw new BadToken(jwtFailures.aud);
  return value as readonly string[]; // each was looked at
}
