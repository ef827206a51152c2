import type { HeaderMap } from "../../runtime/headers.ts";
import type { RequestHead, ResponseHead } from "../../runtime/request.ts";
import type { RetryPolicy } from "../../runtime/route.ts";

/** How a try ended without a response. */
export interface TryReset {
  readonly kind: "connect-failure" | "reset" | "refused" | "overflow" | "timeout";
  /** The request's head was not sent, or surely not looked at. */
  readonly beforeRequest: boolean;
}

/** gRPC statuses by retry_on word. https://grpc.io/docs/guides/status-codes/ */
const grpcWords: Readonly<Record<string, string>> = {
  "1": "cancelled",
  "4": "deadline-exceeded",
  "8": "resource-exhausted",
  "13": "internal",
  "14": "unavailable",
};

/** What one request may still retry, and on what. */
export interface RetryState {
  /** Tries left. */
  remaining: number;
  readonly policy: RetryPolicy;
}

/**
 * The retry state of a request: the route's policy, with what `x-envoy-retry-on` and `x-envoy-max-retries` add.
 * Undefined where nothing is ever retried.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#http-headers-consumed
 */
export function createRetryState(head: RequestHead, route: RetryPolicy | undefined): RetryState | undefined {
  const { headers } = head;
  const on = take(headers, "x-envoy-retry-on");
  const grpcOn = take(headers, "x-envoy-retry-grpc-on");
  const most = take(headers, "x-envoy-max-retries");
  const codes = take(headers, "x-envoy-retriable-status-codes");
  let policy = route;
  if (on !== undefined || grpcOn !== undefined) {
    const words = [on, grpcOn].flatMap((text) => text?.split(",").map((word) => word.trim()) ?? []);
    policy = { ...(route ?? defaultPolicy), retryOn: new Set([...(route?.retryOn ?? []), ...words]) };
  }
  if (policy === undefined || policy.retryOn.size === 0) return undefined;
  if (policy.retriableRequest?.(head) === false) return undefined;
  if (codes !== undefined) {
    const more = codes.split(",").map(Number).filter(Number.isInteger);
    policy = { ...policy, retriableStatusCodes: new Set([...policy.retriableStatusCodes, ...more]) };
  }
  const remaining = most !== undefined && /^\d{1,4}$/.test(most) ? Number(most) : policy.attempts;
  return remaining > 0 ? { remaining, policy } : undefined;
}

/** As Envoy where only headers ask for retries. */
const defaultPolicy: RetryPolicy = {
  attempts: 1,
  perTryTimeoutMs: 0,
  retryOn: new Set(),
  retriableStatusCodes: new Set(),
  hostSelectionAttempts: 1,
  avoidPreviousHosts: false,
  backoffBaseMs: 25,
  backoffMaxMs: 250,
  perTryIdleTimeoutMs: 0,
};

function take(headers: HeaderMap, name: string): string | undefined {
  const value = headers.get(name);
  if (value !== undefined) headers.remove(name);
  return value;
}

/** True where a response asks for another try. */
export function wantsRetryAfterResponse(policy: RetryPolicy, head: ResponseHead): boolean {
  const { status, headers } = head;
  const { retryOn } = policy;
  // The upstream says that the limit is its own: asking again would not help.
  if (headers.has("x-envoy-ratelimited") && !retryOn.has("envoy-ratelimited")) return false;
  if (retryOn.has("envoy-ratelimited") && headers.has("x-envoy-ratelimited")) return true;
  if (retryOn.has("5xx") && status >= 500) return true;
  if (retryOn.has("gateway-error") && status >= 502 && status <= 504) return true;
  if (retryOn.has("retriable-4xx") && status === 409) return true;
  if (retryOn.has("retriable-status-codes") && policy.retriableStatusCodes.has(status)) return true;
  if (retryOn.has("retriable-headers") && policy.retriableHeaders?.(headers) === true) return true;
  const grpcStatus = headers.first("grpc-status");
  return grpcStatus !== undefined && retryOn.has(grpcWords[grpcStatus] ?? "");
}

/** True where the end of a try without a response asks for another. */
export function wantsRetryAfterReset(policy: RetryPolicy, reset: TryReset): boolean {
  const { retryOn } = policy;
  if (reset.kind === "overflow") return false;
  if (retryOn.has("5xx") || retryOn.has("gateway-error") || retryOn.has("reset")) return true;
  if (reset.beforeRequest && retryOn.has("reset-before-request")) return true;
  if (reset.kind === "refused") return retryOn.has("refused-stream");
  return retryOn.has("connect-failure") && (reset.kind === "connect-failure" || reset.beforeRequest);
}

/**
 * Milliseconds to wait before a try: uniform in [0, base · 2^n), at most the maximum.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-max-retries
 */
export function retryBackoff(policy: RetryPolicy, retry: number, random: number): number {
  const ceiling = Math.min(policy.backoffMaxMs, policy.backoffBaseMs * (2 ** retry - 1));
  return Math.floor(random * ceiling);
}

/** Longer answers to "when again?" are no numbers that anybody means. */
const resetNumber = /^\d{1,10}$/;

/**
 * Milliseconds until the upstream wants to be asked again, as its rate limit says in a response; undefined where it
 * says nothing, or more than the policy allows.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-retrypolicy-ratelimitedretrybackoff
 */
export function rateLimitedBackoff(
  { rateLimited }: RetryPolicy,
  headers: HeaderMap,
  now: number,
): number | undefined {
  for (const { name, format } of rateLimited?.resetHeaders ?? []) {
    const text = headers.first(name)?.trim();
    if (text === undefined || !resetNumber.test(text)) continue;
    const ms = format === "seconds" ? Number(text) * 1000 : Number(text) * 1000 - now;
    // As Envoy: "now" is no wait that is asked for.
    if (ms > 1 && ms <= (rateLimited?.maxMs ?? 0)) return ms;
  }
  return undefined;
}
