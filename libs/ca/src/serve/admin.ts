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
  RotationStep,
} from "@weft/mesh-rpc";
import type { Certificate } from "@weft/pki";
import type { Recorder } from "../audit/recorder.ts";
import type { CertificateAuthority } from "../authority.ts";
import type { TtlPolicy } from "../certificate-service.ts";
import { CaError } from "../error.ts";
import type { RotationStep as Step } from "../root/rotation.ts";

type StepKind = Step["kind"];

const phases = {
  stable: RotationPhase.STABLE,
  distributing: RotationPhase.DISTRIBUTING,
  switched: RotationPhase.SWITCHED,
} as const;

const steps: Readonly<Partial<Record<RotationStep, StepKind>>> = {
  [RotationStep.BEGIN]: "begin",
  [RotationStep.SWITCH]: "switch",
  [RotationStep.FINISH]: "finish",
  [RotationStep.BACK]: "back",
  [RotationStep.ABORT]: "abort",
};

const defaultLimit = 100;
const maxLimit = 1_000;

/** The administration of the CA, for Connect. */
export function adminRoutes(options: {
  readonly authority: CertificateAuthority;
  readonly recorder: Recorder;
  readonly ttl: TtlPolicy;
}): (router: ConnectRouter) => void {
  const { authority, recorder, ttl } = options;
  const { trustDomain } = authority;
  const info = () =>
    create(GetInfoResponseSchema, {
      trustDomain,
      signer: toInfo(authority.signer()),
      roots: authority.bundle().roots.map(toInfo),
      selfSigned: authority.selfSigned,
      rotationPhase: phases[authority.rotation()],
      defaultTtlSeconds: BigInt(Math.floor(ttl.defaultMs / 1000)),
      maxTtlSeconds: BigInt(Math.floor(ttl.maxMs / 1000)),
    });
  return (router) => {
    router.service(CertificateAuthorityService, {
      getInfo: info,
      takeRotationStep: async ({ step, signerFingerprint }) => {
        const kind = steps[step];
        if (kind === undefined) {
          throw new ConnectError(
            `step ${step}: allowed are ${Object.values(steps).join(", ")}`,
            Code.InvalidArgument,
          );
        }
        if (signerFingerprint !== authority.signer().fingerprint) {
          const found = "another certificate signs now: somebody else changes the root, too";
          throw new ConnectError(found, Code.Aborted);
        }
        try {
          await authority.rotate(kind);
        } catch (error) {
          if (!(error instanceof CaError)) throw error;
          throw new ConnectError(error.message, Code.FailedPrecondition, undefined, undefined, error);
        }
        return info();
      },
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
