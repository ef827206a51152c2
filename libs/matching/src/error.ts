/** Thrown by every `compile…` function of this lib: the configuration cannot be matched with. */
export class MatcherError extends Error {
  override readonly name = "MatcherError";
  readonly code: MatcherErrorCode;

  constructor(code: MatcherErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * - `invalid-regex`: RE2 would refuse the pattern
 * - `regex-too-large`: the compiled pattern exceeds the program size allowed
 * - `invalid-substitution`: a substitution names a group that the pattern does not have
 * - `duplicate-domain`: a domain is given twice, in one virtual host or in two
 * - `invalid-address`: an address block does not begin with an IP address
 * - `invalid-range`: a range of ports is empty or out of bounds
 * - `invalid-path-template`: the template does not have Envoy's syntax
 */
export type MatcherErrorCode =
  | "invalid-regex"
  | "regex-too-large"
  | "invalid-substitution"
  | "duplicate-domain"
  | "invalid-address"
  | "invalid-range"
  | "invalid-path-template";
