/** Thrown by `fromEnvoyJson`: what is wrong with the JSON, and where. */
export class EnvoyJsonError extends Error {
  override readonly name = "EnvoyJsonError";
  /** Path of the value in proto field names, as in `virtual_hosts[0].routes[1].match`; empty for the whole. */
  readonly path: string;

  constructor(path: string, message: string, options?: ErrorOptions) {
    super(path === "" ? message : `${path}: ${message}`, options);
    this.path = path;
  }
}
