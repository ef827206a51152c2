import type { SecureContextOptions } from "node:tls";
import { ServerCredentials } from "@grpc/grpc-js";

/**
 * TLS credentials of a gRPC server whose certificate can be changed while it serves, and which takes client certificates without asking for
 * one: whom a call comes from is for the call's handler to say. grpc-js's own `createSsl` can do neither.
 */
export class UpdatableTlsCredentials extends ServerCredentials {
  constructor(context: SecureContextOptions) {
    super({ requestCert: true, rejectUnauthorized: false, minVersion: "TLSv1.2" }, context);
  }
  /** New connections get this from now on. */
  update(context: SecureContextOptions): void {
    this.updateSecureContextOptions(context);
  }
  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
