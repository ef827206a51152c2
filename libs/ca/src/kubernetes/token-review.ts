import type { ReviewToken, TokenReviewStatus } from "@weft/identity";
import type { KubeApi } from "@weft/kubernetes";

/** Asks the API server about a token, by a TokenReview; this needs the right to create tokenreviews.authentication.k8s.io. */
export function reviewTokens(api: KubeApi): ReviewToken {
  return async (token, audiences, signal) => {
    const review = (await api.write({
      method: "POST",
      path: "/apis/authentication.k8s.io/v1/tokenreviews",
      body: {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenReview",
        spec: { token: token.expose(), audiences },
      },
      signal,
    })) as { readonly status?: TokenReviewStatus };
    return review.status ?? { error: "Kubernetes gave no answer to a TokenReview" };
  };
}
