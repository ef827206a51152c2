/** Why a token is not believed: a code that metadata shows, and the text that the client gets. Both are Envoy's. */
export interface JwtFailure {
  readonly code: number;
  readonly message: string;
}

const failure = (code: number, message: string): JwtFailure => ({ code, message });

/** https://github.com/envoyproxy/envoy/blob/main/source/common/jwt/status.h */
export const jwtFailures = {
  missing: failure(1, "Jwt is missing"),
  notYetValid: failure(2, "Jwt not yet valid"),
  expired: failure(3, "Jwt is expired"),
  badFormat: failure(4, "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"),
  headerBase64: failure(5, "Jwt header is an invalid Base64url encoded"),
  headerJson: failure(6, "Jwt header is an invalid JSON"),
  headerAlg: failure(7, "Jwt header [alg] field is required and must be a string"),
  algorithm: failure(8, "Jwt header [alg] is not supported"),
  headerKid: failure(9, "Jwt header [kid] field is not a string"),
  payloadBase64: failure(10, "Jwt payload is an invalid Base64url encoded"),
  payloadJson: failure(11, "Jwt payload is an invalid JSON"),
  iss: failure(12, "Jwt payload [iss] field is not a string"),
  sub: failure(13, "Jwt payload [sub] field is not a string"),
  iat: failure(14, "Jwt payload [iat] field is not an integer"),
  iatRange: failure(15, "Jwt payload [iat] field is not a positive 64 bit integer"),
  nbf: failure(16, "Jwt payload [nbf] field is not an integer"),
  nbfRange: failure(17, "Jwt payload [nbf] field is not a positive 64 bit integer"),
  exp: failure(18, "Jwt payload [exp] field is not an integer"),
  expRange: failure(19, "Jwt payload [exp] field is not a positive 64 bit integer"),
  jti: failure(20, "Jwt payload [jti] field is not a string"),
  aud: failure(21, "Jwt payload [aud] field is not a string or string list"),
  signatureBase64: failure(22, "Jwt signature is an invalid Base64url encoded"),
  ed25519Length: failure(23, "Jwt ED25519 signature is wrong length"),
  issuer: failure(24, "Jwt issuer is not configured"),
  audience: failure(25, "Audiences in Jwt are not allowed"),
  verification: failure(26, "Jwt verification fails"),
  noKeys: failure(31, "Jwks doesn't have any valid public key"),
  keyMismatch: failure(32, "Jwks doesn't have key to match kid or alg from Jwt"),
  fetch: failure(40, "Jwks remote fetch is failed"),
} as const satisfies Record<string, JwtFailure>;
