/** Whose tokens requests may bring, in the order they are tried. A token must be of one of them; a request may bring none. */
export interface Authentication {
  readonly providers: readonly JwtProvider[];
}

/** An issuer of tokens: where its tokens stand in requests, how they are verified, and what is passed on. */
export interface JwtProvider {
  readonly issuer: string;
  /** One of these must be in the token; none: any is taken. */
  readonly audiences: readonly string[];
  /** Keys as a JSON text, https://www.rfc-editor.org/rfc/rfc7517 */
  readonly jwks: string;
  readonly fromHeaders: readonly { readonly name: string; readonly prefix: string }[];
  readonly fromParams: readonly string[];
  readonly fromCookies: readonly string[];
  /** The token stays in the request. */
  readonly forward: boolean;
  readonly payloadHeader?: string;
  readonly claimHeaders: readonly { readonly header: string; readonly claim: string }[];
  /** Claims whose text is a list with spaces between. */
  readonly spaceDelimitedClaims: readonly string[];
  /** Routes may match claims: they are looked up again when the claims are known. */
  readonly clearRouteCache: boolean;
}
