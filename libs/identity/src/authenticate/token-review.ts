import type { Clock } from "@weft/base";
import type { Secret } from "@weft/pki";
import { type Authenticator, caAudience } from "./authenticator.ts";
import { identityOfSubject } from "./service-account.ts";

/** What Kubernetes says of a token: `status` of `authentication.k8s.io/v1` TokenReview. */
export interface TokenReviewStatus {
  readonly authenticated?: boolean;
  readonly audiences?: readonly string[];
  readonly user?: { readonly username?: string };
  readonly error?: string;
}

/** Asks Kubernetes about a token. */
export type ReviewToken = (
  token: Secret<string>,
  audiences: readonly string[],
  signal: AbortSignal,
) => Promise<TokenReviewStatus>;

/** Settings of {@link createTokenReviewAuthenticator}. */
export interface TokenReviewOptions {
  readonly review: ReviewToken;
  readonly trustDomain: string;
  readonly clock: Clock;
  /** `istio-ca` unless told. */
  readonly audiences?: readonly string[];
  /** Longest time an answer may take, 5,000 ms unless told; then the token is refused. */
  readonly timeoutMs?: number;
}

/**
 * Takes tokens that Kubernetes knows. The answer must name one of the audiences: a Kubernetes too old to know audiences leaves them out, and
 * a token for another service would pass. https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
 */
export function createTokenReviewAuthenticator(options: TokenReviewOptions): Authenticator {
  const { review, trustDomain, clock, audiences = [caAudience], timeoutMs = 5_000 } = options;
  return {
    name: "token-review",
    authenticate: async ({ token }) => {
      if (token === undefined) return { kind: "absent" };
      const abort = new AbortController();
      const late = Promise.withResolvers<TokenReviewStatus>();
      const cancel = clock.after(timeoutMs, () => {
        abort.abort();
        late.resolve({ error: `Kubernetes did not answer within ${timeoutMs} ms` });
      });
      try {
        const status = await Promise.race([review(token, audiences, abort.signal), late.promise]);
        if (status.error) return { kind: "refused", reason: status.error };
        if (status.authenticated !== true)
          return { kind: "refused", reason: "Kubernetes does not know the token" };
        if (!status.audiences?.some((one) => audiences.includes(one))) {
          return { kind: "refused", reason: `the token is not for ${audiences.join(" or ")}` };
        }
        const identity = identityOfSubject(status.user?.username ?? "", trustDomain);
        if (identity === undefined) return { kind: "refused", reason: "the token is no service account's" };
        return { kind: "caller", identity };
      } finally {
        cancel();
      }
    },
  };
}
