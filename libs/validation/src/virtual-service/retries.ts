import { STATUS_CODES } from "node:http";
import type { HTTPRetry } from "@weft/istio-api";
import type { Findings } from "../findings.ts";
import { checkDuration, checkNotNegative } from "../values.ts";

/** https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-retry-on */
const policies: readonly string[] = [
  "5xx",
  "gateway-error",
  "reset",
  "reset-before-request",
  "connect-failure",
  "envoy-ratelimited",
  "retriable-4xx",
  "refused-stream",
  "retriable-status-codes",
  "retriable-headers",
  "http3-post-connect-failure",
  "cancelled",
  "deadline-exceeded",
  "internal",
  "resource-exhausted",
  "unavailable",
];

/** Checks how failed requests are tried again. */
export function checkRetries(retries: HTTPRetry, findings: Findings): void {
  checkNotNegative(retries.attempts, "attempts", findings);
  checkDuration(retries.perTryTimeout, "perTryTimeout", findings);
  checkDuration(retries.backoff, "backoff", findings);
  const on = (retries.retryOn ?? "").split(",").map((policy) => policy.trim());
  for (const policy of on.filter((name) => name !== "")) {
    if (policies.includes(policy) || STATUS_CODES[policy] !== undefined) continue;
    const message = `"${policy}" is not a reason to retry; allowed are status codes and ${policies.join(", ")}`;
    findings.error("retryOn", "invalid-retry-on", message);
  }
}
