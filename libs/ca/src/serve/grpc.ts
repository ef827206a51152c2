import { create, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { type Credentials, readCallCredentials } from "@weft/identity";
import {
  IstioCertificateRequestSchema,
  type IstioCertificateResponse,
  IstioCertificateResponseSchema,
  IstioCertificateService,
} from "@weft/mesh-rpc";
import type { Logger } from "@weft/observability";
import type { CertificateAuthority } from "../authority.ts";
import type { CertificateService } from "../certificate-service.ts";
import { CaError, type CaErrorCode } from "../error.ts";

type Request = MessageShape<typeof IstioCertificateRequestSchema>;

/** Settings of {@link createGrpcServer}. */
export interface GrpcServerOptions {
  readonly service: CertificateService;
  readonly authority: CertificateAuthority;
  readonly logger: Logger;
}

/** Largest message that is taken: a CSR of 16 KiB and what goes with it. */
const maxRequestBytes = 64 * 1024;

const { method } = IstioCertificateService;
const path = `/${IstioCertificateService.typeName}/${method.createCertificate.name}`;

/** How `CreateCertificate` goes over the wire, for servers and clients of grpc-js. */
export const createCertificateMethod: grpc.MethodDefinition<Request, IstioCertificateResponse> = {
  path,
  requestStream: false,
  responseStream: false,
  requestSerialize: (message) => Buffer.from(toBinary(IstioCertificateRequestSchema, message)),
  requestDeserialize: (data) => fromBinary(IstioCertificateRequestSchema, data),
  responseSerialize: (message) => Buffer.from(toBinary(IstioCertificateResponseSchema, message)),
  responseDeserialize: (data) => fromBinary(IstioCertificateResponseSchema, data),
};

/** Creates the server of `istio.v1.auth.IstioCertificateService`; it listens once it is bound. */
export function createGrpcServer(options: GrpcServerOptions): grpc.Server {
  const { service, authority, logger } = options;
  const server = new grpc.Server({
    "grpc.max_receive_message_length": maxRequestBytes,
    "grpc.max_concurrent_streams": 100,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
  });
  const answer = async (call: grpc.ServerUnaryCall<Request, IstioCertificateResponse>) => {
    const { csr, validityDuration, metadata = {} } = call.request;
    const { certificate: leaf, intermediates } = await service.createCertificate({
      csr,
      // Beyond any maximum all the same: the conversion loses nothing that counts.
      validitySeconds: Number(validityDuration),
      ...textField(metadata, "ImpersonatedIdentity", "impersonatedIdentity"),
      ...textField(metadata, "CertSigner", "certSigner"),
      credentials: credentialsOf(call),
      peer: call.getPeer(),
    });
    const chain = [leaf, ...(intermediates === "" ? [] : [intermediates]), authority.bundle().pem];
    return create(IstioCertificateResponseSchema, { certChain: chain });
  };
  server.addService(
    { createCertificate: createCertificateMethod },
    {
      createCertificate: (
        call: grpc.ServerUnaryCall<Request, IstioCertificateResponse>,
        callback: grpc.sendUnaryData<IstioCertificateResponse>,
      ) => {
        answer(call).then(
          (response) => callback(null, response),
          (error: unknown) => callback(toStatus(error, logger)),
        );
      },
    },
  );
  return server;
}

const statusCodes: Readonly<Record<CaErrorCode, grpc.status>> = {
  unauthenticated: grpc.status.UNAUTHENTICATED,
  "invalid-request": grpc.status.INVALID_ARGUMENT,
  limited: grpc.status.RESOURCE_EXHAUSTED,
  unavailable: grpc.status.UNAVAILABLE,
  "bad-material": grpc.status.INTERNAL,
  "bad-rotation": grpc.status.FAILED_PRECONDITION,
};

function toStatus(error: unknown, logger: Logger): { code: grpc.status; details: string } {
  if (error instanceof CaError) return { code: statusCodes[error.code], details: error.message };
  logger.error({ err: error }, "request failed");
  return { code: grpc.status.INTERNAL, details: "internal error" };
}

function credentialsOf(call: grpc.ServerUnaryCall<unknown, unknown>): Credentials {
  try {
    return readCallCredentials(call.metadata, call.getAuthContext());
  } catch (cause) {
    throw new CaError("unauthenticated", "request authenticate failure", { cause });
  }
}

function textField<K extends string>(
  metadata: Readonly<Record<string, unknown>>,
  field: string,
  key: K,
): Partial<Record<K, string>> {
  const value = Object.hasOwn(metadata, field) ? metadata[field] : undefined;
  // A value that is not text is no name; as in Istio, it counts as empty.
  return typeof value === "string" ? ({ [key]: value } as Record<K, string>) : {}; // the one key
}
