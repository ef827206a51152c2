import type { Certificate, Secret, WorkloadIdentity } from "@weft/pki";

/** The audience of tokens for the CA and for pilot; Istio's. */
export const caAudience = "istio-ca";

/** What a caller shows. */
export interface Credentials {
  /** The bearer token, where there is one. */
  readonly token?: Secret<string>;
  /** The certificate of the TLS connection: its key was proven by the handshake, nothing else is known of it. */
  readonly certificate?: Certificate;
}

/** Who calls, and how that was found out. */
export interface Caller {
  readonly identity: WorkloadIdentity;
  /** Name of the authenticator. */
  readonly authenticator: string;
}

/** What one authenticator makes of the credentials. */
export type AuthenticationResult =
  | { readonly kind: "caller"; readonly identity: WorkloadIdentity }
  /** There is no credential of its kind. */
  | { readonly kind: "absent" }
  | { readonly kind: "refused"; readonly reason: string };

/** One way to find out who calls. */
export interface Authenticator {
  readonly name: string;
  /** Does not throw for a bad credential; what it throws all the same counts as a refusal. */
  authenticate(credentials: Credentials): Promise<AuthenticationResult>;
}

/** The caller, or why there is none: one reason for each authenticator that refused. */
export type Authentication =
  | { readonly kind: "caller"; readonly caller: Caller }
  | { readonly kind: "refused"; readonly reasons: readonly string[] };

/**
 * Asks the authenticators in their order: the first that knows the caller counts, as in Istio. A caller none knows is refused.
 * The reasons are for the audit log: a caller is not told why.
 */
export async function authenticate(
  authenticators: readonly Authenticator[],
  credentials: Credentials,
): Promise<Authentication> {
  const reasons: string[] = [];
  for (const { name, authenticate: ask } of authenticators) {
    let result: AuthenticationResult;
    try {
      result = await ask(credentials);
    } catch (error) {
      result = { kind: "refused", reason: error instanceof Error ? error.message : String(error) };
    }
    if (result.kind === "caller") {
      return { kind: "caller", caller: { identity: result.identity, authenticator: name } };
    }
    if (result.kind === "refused") reasons.push(`${name}: ${result.reason}`);
  }
  return { kind: "refused", reasons: reasons.length === 0 ? ["no credentials"] : reasons };
}
