export {
  buildCertificate,
  type CaSigner,
  type CertificateSigner,
  type CertificateTemplate,
  createSigner,
  randomSerial,
} from "./build-certificate.ts";
export { bundleFor, createBundle, parseBundle, type TrustBundle } from "./bundle.ts";
export {
  type Certificate,
  formatCertificate,
  isCa,
  isSelfSigned,
  parseCertificate,
  parseCertificateDer,
  parseCertificates,
} from "./certificate.ts";
export { type CaChainOptions, type ChainOptions, verifyCaChain, verifyChain } from "./chain.ts";
export { type CertificateRequest, createCsr, maxCsrBytes, parseCsr } from "./csr.ts";
export { PkiError, type PkiErrorCode } from "./error.ts";
export type { CertificateUse, ExtensionValues, NamesToWrite, SubjectAltNames } from "./extensions.ts";
export { type JwtKeys, toJwks } from "./jwks.ts";
export {
  createJwtVerifier,
  type JwtAlgorithm,
  type JwtClaims,
  type JwtContent,
  type JwtVerifier,
  type JwtVerifierOptions,
  jwtAlgorithms,
  maxTokenBytes,
  signJwt,
} from "./jwt.ts";
export {
  defaultKeyKind,
  exportPrivateKey,
  exportPublicKey,
  generateKeyPair,
  type KeyKind,
  type KeyPair,
  keyKindOf,
  readPrivateKey,
} from "./keys.ts";
export type { SubjectName } from "./name.ts";
export { formatPem, type PemBlock, parsePem } from "./pem.ts";
export { Secret } from "./secret.ts";
export {
  formatSpiffeId,
  formatWorkloadIdentity,
  parseSpiffeId,
  parseWorkloadIdentity,
  type SpiffeId,
  validateTrustDomain,
  type WorkloadIdentity,
} from "./spiffe-id.ts";
