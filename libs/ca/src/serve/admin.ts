import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import {
  CertificateAuthorityService,
  CertificateInfoSchema,
  GetInfoResponseSchema,
  GetRootBundleResponseSchema,
  IssuedCertificateSchema,
  ListIssuedResponseSchema,
  RotationPhase,
} from "@weft/mesh-rpc";
import type { Certificate } from "@weft/pki";
import type { Recorder } from "../audit/recorder.ts";
import type { CertificateAuthority } from "../authority.ts";
import type { TtlPolicy } from "../certificate-service.ts";

const phases = {
  stable: RotationPhase.STABLE,
  distributing: RotationPhase.DISTRIBUTING,
  switched: RotationPhase.SWITCHED,
} as const;

const defaultLimit = 100;
const maxLimit = 1_000;

/** The administration of the CA, for Connect: it reads, and changes nothing. */
export function adminRoutes(options: {
  readonly authority: CertificateAuthority;
  readonly recorder: Recorder;
  readonly ttl: TtlPolicy;
}): (router: ConnectRouter) => void {
  const { authority, recorder, ttl } = options;
  const { trustDomain } = authority;
  return (router) => {
    router.service(CertificateAuthorityService, {
      getInfo: () =>
        create(GetInfoResponseSchema, {
          trustDomain,
          signer: toInfo(authority.signer()),
          roots: authority.bundle().roots.map(toInfo),
          selfSigned: authority.selfSigned,
          rotationPhase: phases[authority.rotation()],
          defaultTtlSeconds: BigInt(Math.floor(ttl.defaultMs / 1000)),
          maxTtlSeconds: BigInt(Math.floor(ttl.maxMs / 1000)),
        }),
      getRootBundle: () => {
        const { pem, version } = authority.bundle();
        return create(GetRootBundleResponseSchema, { trustDomain, pem, version });
      },
      listIssued: ({ identity, limit }) => {
        if (limit > maxLimit) {
          throw new ConnectError(`limit ${limit}: allowed are up to ${maxLimit}`, Code.InvalidArgument);
        }
        const all = recorder.recent();
        const wanted = identity === "" ? all : all.filter((one) => one.identity === identity);
        return create(ListIssuedResponseSchema, {
          remembered: all.length,
          certificates: wanted.slice(0, limit || defaultLimit).map((one) =>
            create(IssuedCertificateSchema, {
              serialNumber: one.serialNumber,
              identity: one.identity,
              issuedAt: timestampFromMs(one.time),
              notAfter: timestampFromMs(one.notAfter),
              caller: one.caller,
              authenticator: one.authenticator,
            }),
          ),
        });
      },
    });
  };
}

function toInfo(certificate: Certificate) {
  const { serialNumber, subject, notBefore, notAfter, fingerprint } = certificate;
  return create(CertificateInfoSchema, {
    serialNumber,
    subject,
    notBefore: timestampFromMs(notBefore),
    notAfter: timestampFromMs(notAfter),
    fingerprint,
  });
}
