export {
  type AuthenticationResult,
  type Authenticator,
  authenticate,
  type Caller,
  type Credentials,
  caAudience,
} from "./authenticate/authenticator.ts";
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
export { renewalDelay, type SecretSource, startCaSource } from "./secrets/ca-source.ts";
export { type SecretFiles, startFileSource } from "./secrets/file-source.ts";
export { watchFiles } from "./secrets/watch-files.ts";
export { joinSecrets, type WorkloadSecrets } from "./secrets/workload-secrets.ts";
export { UpdatableTlsCredentials } from "./tls/server-credentials.ts";
