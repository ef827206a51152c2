/** Why a connection cannot be secured. */
export class TransportSocketError extends Error {
  override readonly name = "TransportSocketError";
  readonly code: TransportSocketErrorCode;
  constructor(code: TransportSocketErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The kinds of {@link TransportSocketError}. */
export type TransportSocketErrorCode =
  /** A secret has not come, or is not of the kind that is needed. */
  | "secrets-not-ready"
  /** Certificates and parameters cannot be used together. */
  | "bad-context"
  /** The other side showed no certificate. */
  | "no-certificate"
  /** Its chain leads to no CA that is trusted, or is out of its time. */
  | "untrusted"
  /** Its names are not those that are wanted. */
  | "wrong-name"
  /** It is none of those that are pinned. */
  | "not-pinned"
  /** The handshake broke off. */
  | "handshake";
