export { openAuditFile } from "./audit/audit-file.ts";
export type { AuditEntry, AuditLog, IssuedEntry, RefusedEntry } from "./audit/audit-log.ts";
export { createRecorder, type Recorder } from "./audit/recorder.ts";
export { openTokenAuthority, type TokenAuthority, type TokenRequest } from "./authenticate/local-token.ts";
export {
  type CaSource,
  type CertificateAuthority,
  createCertificateAuthority,
  type Issued,
} from "./authority.ts";
export {
  type AccountNames,
  type CertificateAsk,
  type CertificateService,
  type CertificateServiceOptions,
  createCertificateService,
  type ServiceLimits,
  type TtlPolicy,
} from "./certificate-service.ts";
export {
  type Citadel,
  type CitadelOptions,
  createCitadel,
  defaultLimits,
  type ListenAddress,
} from "./citadel.ts";
export { CaError, type CaErrorCode } from "./error.ts";
export { openFolderStorage } from "./folder-storage.ts";
export type { ImpersonationPolicy } from "./impersonation.ts";
export {
  publishRootBundle,
  type RootBundleOptions,
  type RootBundlePublisher,
} from "./kubernetes/root-bundle.ts";
export { createSecretStorage, type SecretStorageOptions } from "./kubernetes/secret-storage.ts";
export { reviewTokens } from "./kubernetes/token-review.ts";
export { type Cacerts, loadCacerts } from "./root/cacerts.ts";
export type { SigningMaterial } from "./root/material.ts";
export { keepRootFile, rootFileName } from "./root/root-file.ts";
export type { RotationState, RotationStep } from "./root/rotation.ts";
export { openRootStore, type RootStore } from "./root/store.ts";
export { createCertificateMethod } from "./serve/grpc.ts";
export type { CaStorage } from "./storage.ts";
