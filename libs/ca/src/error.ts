/** Why a request was refused, or the CA cannot work. */
export type CaErrorCode =
  /** Nobody knows who asks, or who asks may not. */
  | "unauthenticated"
  /** The request is wrong: it will not be taken later either. */
  | "invalid-request"
  /** Too many requests. */
  | "limited"
  /** The CA cannot sign now. */
  | "unavailable"
  /** What the CA works with is wrong: files, flags, state. */
  | "bad-material"
  /** A step of a root's rotation that does not follow from where it stands. */
  | "bad-rotation";

/** The error of this lib. The message may be shown to the caller: it holds no secret, and nothing of others. */
export class CaError extends Error {
  readonly code: CaErrorCode;
  constructor(code: CaErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CaError";
    this.code = code;
  }
}
