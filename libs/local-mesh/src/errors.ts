/** What keeps a local mesh from starting, or a check from running; the message is for the person who started it. */
export class LocalMeshError extends Error {
  override readonly name = "LocalMeshError";
  /** Stable, kebab-case: `no-workloads`, `address-missing`, `pilot-port-taken`. */
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
