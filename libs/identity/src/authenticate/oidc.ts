import { createJwtVerifier, type JwtVerifierOptions, PkiError } from "@weft/pki";
import type { Authenticator } from "./authenticator.ts";
import { identityOfSubject } from "./service-account.ts";

/** Settings of {@link createOidcAuthenticator}. */
export interface OidcOptions extends JwtVerifierOptions {
  /** Of the audit log and the metrics; `oidc` unless told. */
  readonly name?: string;
  readonly trustDomain: string;
}

/** Takes JWTs of one issuer whose subject is a service account: `system:serviceaccount:NAMESPACE:NAME`. */
export async function createOidcAuthenticator(options: OidcOptions): Promise<Authenticator> {
  const { name = "oidc", trustDomain, issuer } = options;
  const verifier = await createJwtVerifier(options);
  return {
    name,
    authenticate: async ({ token }) => {
      if (token === undefined) return { kind: "absent" };
      try {
        const { subject } = await verifier.verify(token);
        const identity = identityOfSubject(subject, trustDomain);
        if (identity !== undefined) return { kind: "caller", identity };
        return { kind: "refused", reason: `token of issuer ${issuer}: its subject is no service account` };
      } catch (error) {
        if (!(error instanceof PkiError)) throw error;
        return { kind: "refused", reason: error.message };
      }
    },
  };
}
