import type { SecureContextOptions } from "node:tls";
import {
  type Metadata,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
} from "@grpc/grpc-js";

/** No client may send it: what comes with a call is replaced. */
const tlsMark = "weft-tls";
/** A client that does not finish its handshake is not waited for. */
const handshakeTimeoutMs = 10_000;

/** Whether a call came by a listener with {@link UpdatableTlsCredentials}. grpc-js tells it only of clients with a good certificate. */
export function cameByTls(metadata: Metadata): boolean {
  return metadata.get(tlsMark).includes("1");
}

const markCalls: ServerInterceptor = (_method, call) =>
  new ServerInterceptingCall(call, {
    start: (next) =>
      next({
        onReceiveMetadata: (metadata, pass) => {
          metadata.set(tlsMark, "1");
          pass(metadata);
        },
      }),
  });

/**
 * TLS credentials of a gRPC server whose certificate can be changed while it serves, and which takes client certificates without asking for
 * one: whom a call comes from is for the call's handler to say. grpc-js's own `createSsl` can do neither. Without a context connections
 * are closed until there is one.
 */
export class UpdatableTlsCredentials extends ServerCredentials {
  constructor(context?: SecureContextOptions) {
    const handshake = { requestCert: true, rejectUnauthorized: false, handshakeTimeout: handshakeTimeoutMs };
    super({ ...handshake, minVersion: "TLSv1.2" }, context);
  }
  /** New connections get this from now on. */
  update(context: SecureContextOptions): void {
    this.updateSecureContextOptions(context);
  }
  override _getInterceptors(): ServerInterceptor[] {
    return [markCalls];
  }
  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}
