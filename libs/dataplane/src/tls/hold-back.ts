import type { SecretRef } from "./secret.ts";

/** Longest time a listener or cluster waits for its secrets before it serves what needs none of them. */
const longestMs = 5000;

/**
 * How long a listener or cluster is held back for its secrets. Envoy holds it back for `initial_fetch_timeout`, for
 * ever where that is 0, as Istio sends it: one secret that never comes keeps all chains of a listener from working. Here
 * the wait is bounded; then the resource is used, and what lacks its secret refuses connections until it comes.
 */
export function holdBackMs(secrets: readonly SecretRef[]): number {
  const limits = secrets.map(({ initialFetchTimeoutMs }) =>
    initialFetchTimeoutMs === 0 ? longestMs : Math.min(initialFetchTimeoutMs, longestMs),
  );
  return Math.max(0, ...limits);
}
