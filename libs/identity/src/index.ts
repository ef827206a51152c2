export {
  type AuthenticationResult,
  type Authenticator,
  authenticate,
  type Caller,
  type Credentials,
  caAudience,
} from "./authenticate/authenticator.ts";
export { type AuthContext, readCallCredentials } from "./authenticate/call-credentials.ts";
export { type ClientTrust, createClientCertificateAuthenticator } from "./authenticate/client-certificate.ts";
export { createOidcAuthenticator, type OidcOptions } from "./authenticate/oidc.ts";
export { formatServiceAccount, identityOfSubject } from "./authenticate/service-account.ts";
export {
  createTokenReviewAuthenticator,
  type ReviewToken,
  type TokenReviewOptions,
  type TokenReviewStatus,
} from "./authenticate/token-review.ts";
export { CaClientError, type CaClientOptions, createCaClient, type SignCsr } from "./secrets/ca-client.ts";
export type { SecretSource } from "./secrets/ca-source.ts";
export type { SecretFiles } from "./secrets/file-source.ts";
export { readSecretsConfig } from "./secrets/secrets-config.ts";
export {
  type SecretsConfig,
  type SecretsSourceOptions,
  startSecretsSource,
} from "./secrets/secrets-source.ts";
export { joinSecrets, type WorkloadSecrets } from "./secrets/workload-secrets.ts";
export { cameByTls, UpdatableTlsCredentials } from "./tls/server-credentials.ts";
export {
  formatTrustReport,
  parseTrustReport,
  type TrustReport,
  toTrustReport,
  trustReportType,
} from "./trust-report.ts";
