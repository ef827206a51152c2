/** Why a certificate, a key, a request, a token or a name was not taken. */
export type PkiErrorCode =
  | "bad-pem"
  | "bad-key"
  | "bad-certificate"
  | "bad-csr"
  | "bad-spiffe-id"
  | "bad-bundle"
  | "bad-template"
  | "untrusted-chain"
  | "bad-jwks"
  | "bad-token";

/** The one error that this lib throws for bad input: `code` for machines, a message that says what is wrong and what is allowed. */
export class PkiError extends Error {
  readonly code: PkiErrorCode;
  constructor(code: PkiErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "PkiError";
    this.code = code;
  }
}

/** Runs a parser of another lib's: what it throws becomes the cause of a {@link PkiError}. */
export function guard<T>(code: PkiErrorCode, message: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (cause instanceof PkiError) throw cause;
    throw new PkiError(code, message, { cause });
  }
}
