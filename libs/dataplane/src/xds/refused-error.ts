/** The configuration is well-formed, and cannot be used. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
}
