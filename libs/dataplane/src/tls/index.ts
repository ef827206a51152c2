export { type ContextCache, createContextCache } from "./context.ts";
export { createDownstreamTls } from "./downstream.ts";
export { TransportSocketError } from "./error.ts";
export { holdBackMs } from "./hold-back.ts";
export { createMaterialSource } from "./material.ts";
export { type CertificateNames, namesOf } from "./names.ts";
export { urlEncodePem } from "./peer.ts";
export type {
  SecretRef,
  SecretSource,
  SecretValue,
  TlsCertificate,
  TlsMaterial,
  TlsParameters,
  TlsSettings,
  TrustRules,
  TrustSettings,
  ValidationSecret,
} from "./secret.ts";
export { createSecretStore, type SecretRecord, type SecretStore } from "./secret-store.ts";
export { TlsStats } from "./stats.ts";
export { createUpstreamTls } from "./upstream.ts";
