import { typeNameOf } from "@weft/envoy-api";
import type { RetryPolicy as RetryPolicyMessage } from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { compileHeader } from "@weft/matching";
import type { RetryPolicy } from "../../runtime/route.ts";
import type { Problems } from "../problems.ts";
import { durationMs, reportUnknownExtension } from "../values.ts";
import { decodeHeaderMatcher } from "./matchers.ts";

const previousHosts = "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate";

/** https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-retry-on */
export function compileRetryPolicy(
  message: RetryPolicyMessage,
  path: string,
  problems: Problems,
): RetryPolicy {
  const retryOn = new Set(
    message.retryOn
      .split(",")
      .map((word) => word.trim())
      .filter((word) => word !== ""),
  );
  for (const [index, predicate] of message.retryHostPredicate.entries()) {
    const typeUrl = predicate.configType.case === "typedConfig" ? predicate.configType.value.typeUrl : "";
    if (
      typeNameOf(typeUrl) !== previousHosts &&
      predicate.name !== "envoy.retry_host_predicates.previous_hosts"
    ) {
      reportUnknownExtension(
        problems,
        `${path}.retry_host_predicate[${index}]`,
        { name: predicate.name, typeUrl },
        ["envoy.retry_host_predicates.previous_hosts"],
      );
    }
  }
  const headers = message.retriableHeaders.map((header, index) =>
    compileHeader(decodeHeaderMatcher(header, `${path}.retriable_headers[${index}]`, problems)),
  );
  const backoffBaseMs = durationMs(message.retryBackOff?.baseInterval, 25);
  return {
    attempts: message.numRetries ?? 1,
    perTryTimeoutMs: durationMs(message.perTryTimeout, 0),
    retryOn,
    retriableStatusCodes: new Set(message.retriableStatusCodes),
    ...(headers.length > 0 && {
      retriableHeaders: (response) => {
        // Header matchers ask for nothing but headers.
        const view = { method: "", path: "", authority: "", header: (name: string) => response.get(name) };
        return headers.some((matches) => matches(view));
      },
    }),
    hostSelectionAttempts: Number(message.hostSelectionRetryMaxAttempts),
    avoidPreviousHosts: message.retryHostPredicate.length > 0,
    backoffBaseMs,
    backoffMaxMs: durationMs(message.retryBackOff?.maxInterval, backoffBaseMs * 10),
  };
}
