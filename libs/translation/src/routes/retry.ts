import type { HTTPRetry } from "@weft/istio-api";
import { durationMs } from "../durations.ts";
import type { RetryPolicy } from "../ir/index.ts";

/** Retries of requests that the upstream cannot have seen, on other hosts than before: what routes get by default. */
export const defaultRetry: RetryPolicy = {
  attempts: 2,
  retryOn: "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
  statusCodes: [],
  avoidPreviousHosts: true,
  hostSelectionAttempts: 5,
};

/** Retries of requests whose connection was closed before they were sent: what goes to the own application gets by default. */
export const defaultInboundRetry: RetryPolicy = {
  attempts: 2,
  retryOn: "reset-before-request",
  statusCodes: [],
  avoidPreviousHosts: false,
};

/** Splits words from status codes, both of which `retryOn` may hold. */
function parseRetryOn(text: string): { readonly retryOn: string; readonly statusCodes: readonly number[] } {
  const parts = text.split(",").map((part) => part.trim());
  const isCode = (part: string) => /^[1-5]\d\d$/.test(part);
  const words = parts.filter((part) => part !== "" && !isCode(part));
  const statusCodes = parts.filter(isCode).map(Number);
  // Codes do nothing in Envoy unless this word stands beside them.
  if (statusCodes.length > 0 && !words.includes("retriable-status-codes"))
    words.push("retriable-status-codes");
  return { retryOn: words.join(","), statusCodes };
}

/**
 * The retry policy of a route; undefined where retries are off (`attempts: 0`).
 * Whatever they leave out is as in `standard`. With consistent hashing every try goes where the hash says, so previous hosts are not avoided unless asked for.
 */
export function buildRetry(
  retries: HTTPRetry | undefined,
  hashed: boolean,
  standard = defaultRetry,
): RetryPolicy | undefined {
  const base: RetryPolicy = hashed ? { ...standard, avoidPreviousHosts: false } : standard;
  if (retries === undefined) return base;
  const attempts = retries.attempts ?? 0;
  if (attempts <= 0) return undefined;
  const perTryTimeoutMs = durationMs(retries.perTryTimeout);
  const backoffMs = durationMs(retries.backoff);
  // Saying what to retry on takes the place of the default's care for hosts, too.
  const own = retries.retryOn ? { ...parseRetryOn(retries.retryOn) } : {};
  return {
    ...base,
    attempts,
    ...own,
    ...(perTryTimeoutMs === undefined ? {} : { perTryTimeoutMs }),
    ...(backoffMs === undefined ? {} : { backoffMs }),
    ...(retries.retryRemoteLocalities ? { remoteLocalities: true } : {}),
    ...(retries.retryIgnorePreviousHosts === undefined
      ? {}
      : { avoidPreviousHosts: retries.retryIgnorePreviousHosts }),
  };
}
