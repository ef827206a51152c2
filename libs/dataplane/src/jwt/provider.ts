import type { TextMatcher } from "@weft/matching";
import type { TokenLocation } from "./extract.ts";
import { type JwtFailure, jwtFailures } from "./failure.ts";
import type { KeySource } from "./key-source.ts";
import type { ParsedToken } from "./token.ts";

/** A provider of tokens, compiled. Names of headers are in lower case, empty texts say no. */
export interface JwtProvider {
  readonly name: string;
  /** Empty: any. */
  readonly issuer: string;
  readonly audiences: AudienceCheck;
  readonly subjects: TextMatcher | undefined;
  readonly requireExpiration: boolean;
  /** Seconds from now that `exp` may be ahead; undefined for any. */
  readonly maxLifetimeS: number | undefined;
  readonly clockSkewS: number;
  readonly locations: readonly TokenLocation[];
  readonly keys: KeySource;
  /** Leaves the token in the request. */
  readonly forward: boolean;
  readonly forwardPayloadHeader: string;
  readonly padForwardPayload: boolean;
  readonly claimHeaders: readonly { readonly header: string; readonly claim: readonly string[] }[];
  readonly payloadInMetadata: string;
  /** Claims that metadata has as lists, split at spaces. */
  readonly spaceDelimitedClaims: readonly string[];
  readonly headerInMetadata: string;
  readonly failureInMetadata: string;
  readonly clearRouteCache: boolean;
}

/** True where one of a token's audiences will do. */
export type AudienceCheck = (audiences: readonly string[]) => boolean;

/** Scheme and a slash at the end do not count, as in Envoy. Without any wanted, all will do. */
export function compileAudiences(wanted: readonly string[]): AudienceCheck {
  if (wanted.length === 0) return () => true;
  const plain = (audience: string) => audience.replace(/^https?:\/\//, "").replace(/\/$/, "");
  const set = new Set(wanted.map(plain));
  return (audiences) => audiences.some((audience) => set.has(plain(audience)));
}

/** Judges the claims of a token at a time in seconds; undefined where nothing is wrong. */
export function checkClaims(
  token: ParsedToken,
  provider: JwtProvider,
  audiences: AudienceCheck,
  now: number,
): JwtFailure | undefined {
  const { clockSkewS, requireExpiration, maxLifetimeS, subjects } = provider;
  if (now + clockSkewS < token.notBefore) return jwtFailures.notYetValid;
  if (token.expiresAt > 0 && now > token.expiresAt + clockSkewS) return jwtFailures.expired;
  if (subjects !== undefined && !subjects(token.subject)) return jwtFailures.verification;
  if (token.expiresAt === 0) {
    if (requireExpiration || maxLifetimeS !== undefined) return jwtFailures.verification;
  } else if (maxLifetimeS !== undefined && token.expiresAt - now > maxLifetimeS)
    return jwtFailures.verification;
  return audiences(token.audiences) ? undefined : jwtFailures.audience;
}
