import { create, type JsonObject } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { IstioCertificateRequestSchema } from "@weft/mesh-rpc";
import type { Secret } from "@weft/pki";
import { createCertificateMethod } from "../serve/grpc.ts";

/** What to call with. */
export interface GrpcCallOptions {
  readonly address: string;
  readonly roots: string;
  readonly csr: string;
  readonly token?: Secret<string>;
  readonly validitySeconds?: bigint;
  readonly metadata?: JsonObject;
  /** The client's own certificate and key, PEM. */
  readonly client?: { readonly key: string; readonly cert: string };
  /** Headers besides. */
  readonly headers?: readonly (readonly [string, string])[];
}

/** Calls `CreateCertificate` over TLS as Istio's agent does; resolves with the chain, rejects with grpc-js's error. */
export function callCreateCertificate(options: GrpcCallOptions): Promise<readonly string[]> {
  const { address, roots, csr, token, validitySeconds = 0n, metadata, client, headers = [] } = options;
  const credentials = grpc.credentials.createSsl(
    Buffer.from(roots),
    client && Buffer.from(client.key),
    client && Buffer.from(client.cert),
  );
  // An address cannot be a TLS server name.
  const channel = new grpc.Client(address, credentials, { "grpc.ssl_target_name_override": "localhost" });
  const request = create(IstioCertificateRequestSchema, {
    csr,
    validityDuration: validitySeconds,
    ...(metadata && { metadata }),
  });
  const call = new grpc.Metadata();
  if (token) call.set("authorization", `Bearer ${token.expose()}`);
  for (const [name, value] of headers) call.add(name, value);
  const { path, requestSerialize, responseDeserialize } = createCertificateMethod;
  return new Promise<readonly string[]>((resolve, reject) => {
    channel.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      call,
      (error, response) => {
        channel.close();
        if (error) reject(error);
        else resolve(response?.certChain ?? []);
      },
    );
  });
}
