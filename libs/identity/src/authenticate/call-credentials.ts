import type { Metadata, ServerUnaryCall } from "@grpc/grpc-js";
import { parseCertificateDer, Secret } from "@weft/pki";
import type { Credentials } from "./authenticator.ts";

/** What grpc-js knows of the client's certificate, once the TLS stack has verified its chain. */
export type AuthContext = ReturnType<ServerUnaryCall<unknown, unknown>["getAuthContext"]>;

/** What the caller of a gRPC method shows. Throws a `PkiError` where its certificate cannot be read. */
export function readCallCredentials(metadata: Metadata, authContext: AuthContext): Credentials {
  const token = bearerToken(metadata);
  const raw = authContext.sslPeerCertificate?.raw;
  return {
    ...(token === undefined ? {} : { token }),
    ...(raw === undefined ? {} : { certificate: parseCertificateDer(raw) }),
  };
}

/** The token of `authorization: Bearer …`; several such headers are none. */
function bearerToken(metadata: Metadata): Secret<string> | undefined {
  const values = metadata.get("authorization");
  const match = values.length === 1 ? /^Bearer +([^\s]+)$/i.exec(String(values[0])) : null;
  return match?.[1] === undefined ? undefined : new Secret(match[1]);
}
