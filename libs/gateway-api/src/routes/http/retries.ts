import { formatProtoDuration, parseDuration } from "@weft/base";
import type { HTTPRetry, HTTPRoute, HTTPRouteRule } from "@weft/istio-api";

/** Failures to connect and to answer, after which a request may be tried again: the API leaves them to its implementations. */
const always = ["connect-failure", "refused-stream", "unavailable", "cancelled"];

/** How often a request is tried again where the rule does not say, as in a VirtualService. */
const defaultAttempts = 2;

/** A duration of the API as a VirtualService has it; undefined where it is zero, which means none. */
function toDuration(text: string | undefined): string | undefined {
  const ms = text === undefined ? undefined : parseDuration(text);
  return ms ? formatProtoDuration(ms) : undefined;
}

function toRetries({
  attempts = defaultAttempts,
  codes = [],
  backoff,
}: NonNullable<HTTPRouteRule["retry"]>): HTTPRetry {
  const between = toDuration(backoff);
  return {
    attempts,
    ...(attempts > 0 ? { retryOn: [...always, ...codes].join(",") } : {}),
    ...(between ? { backoff: between } : {}),
  };
}

/** Retries and timeouts of a rule; the time of one try is the whole time where there is but one. */
export function retriesOf({ retry, timeouts }: HTTPRouteRule): Pick<HTTPRoute, "retries" | "timeout"> {
  const request = toDuration(timeouts?.request);
  const perTry = toDuration(timeouts?.backendRequest);
  const retries = retry && toRetries(retry);
  const timeout = retries ? request : (perTry ?? request);
  return {
    ...(retries ? { retries: { ...retries, ...(perTry ? { perTryTimeout: perTry } : {}) } } : {}),
    ...(timeout ? { timeout } : {}),
  };
}
