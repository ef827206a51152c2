export {
  IstioCertificateRequestSchema,
  type IstioCertificateResponse,
  IstioCertificateResponseSchema,
  IstioCertificateService,
} from "../gen/istio/v1/auth/ca_pb.js";
export {
  CertificateAuthorityService,
  type CertificateInfo,
  CertificateInfoSchema,
  GetInfoResponseSchema,
  GetRootBundleResponseSchema,
  type IssuedCertificate,
  IssuedCertificateSchema,
  ListIssuedResponseSchema,
  RotationPhase,
  RotationStep,
} from "../gen/weft/ca/v1/ca_pb.js";
export {
  type ConfigChanged,
  ConfigChangedSchema,
  type ProxyAcked,
  ProxyAckedSchema,
  type ProxyConnected,
  ProxyConnectedSchema,
  type ProxyDisconnected,
  ProxyDisconnectedSchema,
  type ProxyNacked,
  ProxyNackedSchema,
  type RootBundleChanged,
  RootBundleChangedSchema,
} from "../gen/weft/events/v1/events_pb.js";
