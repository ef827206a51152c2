import { typeNameOf } from "@weft/envoy-api";
import {
  type RetryPolicy_RateLimitedRetryBackOff,
  RetryPolicy_ResetHeaderFormat,
  type RetryPolicy as RetryPolicyMessage,
} from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { OmitHostMetadataConfigSchema } from "@weft/envoy-api/envoy/extensions/retry/host/omit_host_metadata/v3/omit_host_metadata_config_pb.js";
import { PreviousPrioritiesConfigSchema } from "@weft/envoy-api/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.js";
import { compileHeader } from "@weft/matching";
import type { Host } from "../../runtime/cluster.ts";
import type { RetryPolicy } from "../../runtime/route.ts";
import { subsetCriteria } from "../endpoints.ts";
import type { Problems } from "../problems.ts";
import { durationMs, reportUnknownExtension, unpackAs } from "../values.ts";
import { decodeHeaderMatcher } from "./matchers.ts";

const previousHosts = "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate";
const omitCanaryHosts = "envoy.extensions.retry.host.omit_canary_hosts.v3.OmitCanaryHostsPredicate";

/** What retry policies may name, as Envoy lists them among a node's extensions. */
export const retryHostPredicateNames = [
  "envoy.retry_host_predicates.previous_hosts",
  "envoy.retry_host_predicates.omit_canary_hosts",
  "envoy.retry_host_predicates.omit_host_metadata",
] as const;
export const retryPriorityNames = ["envoy.retry_priorities.previous_priorities"] as const;

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
  const predicates = compileHostPredicates(message, path, problems);
  const headers = message.retriableHeaders.map((header, index) =>
    compileHeader(decodeHeaderMatcher(header, `${path}.retriable_headers[${index}]`, problems)),
  );
  const requestHeaders = message.retriableRequestHeaders.map((header, index) =>
    compileHeader(decodeHeaderMatcher(header, `${path}.retriable_request_headers[${index}]`, problems)),
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
    ...predicates,
    ...compileRetryPriority(message, path, problems),
    ...(requestHeaders.length > 0 && {
      retriableRequest: (request) => requestHeaders.some((matches) => matches(request)),
    }),
    perTryIdleTimeoutMs: durationMs(message.perTryIdleTimeout, 0),
    ...(message.rateLimitedRetryBackOff !== undefined && {
      rateLimited: compileRateLimited(message.rateLimitedRetryBackOff),
    }),
    backoffBaseMs,
    backoffMaxMs: durationMs(message.retryBackOff?.maxInterval, backoffBaseMs * 10),
  };
}

/** Hosts that a further try is not to take. */
function compileHostPredicates(
  { retryHostPredicate }: RetryPolicyMessage,
  path: string,
  problems: Problems,
): Pick<RetryPolicy, "avoidPreviousHosts" | "rejectsHost"> {
  const rejections: ((host: Host) => boolean)[] = [];
  let avoidPreviousHosts = false;
  for (const [index, { name, configType }] of retryHostPredicate.entries()) {
    const at = `${path}.retry_host_predicate[${index}]`;
    const any = configType.case === "typedConfig" ? configType.value : undefined;
    const typeName = typeNameOf(any?.typeUrl ?? "");
    // Istio names the first without a type.
    if (typeName === previousHosts || (any === undefined && name === retryHostPredicateNames[0])) {
      avoidPreviousHosts = true;
    } else if (typeName === omitCanaryHosts || (any === undefined && name === retryHostPredicateNames[1])) {
      rejections.push(({ metadata }) => lbMetadata(metadata).canary === true);
    } else if (typeName === OmitHostMetadataConfigSchema.typeName) {
      const config = unpackAs(OmitHostMetadataConfigSchema, any, `${at}.typed_config`, problems);
      const unwanted = Object.entries(subsetCriteria(config?.metadataMatch) ?? {});
      rejections.push(
        ({ metadata }) =>
          unwanted.length > 0 && unwanted.every(([key, value]) => lbMetadata(metadata)[key] === value),
      );
    } else {
      reportUnknownExtension(problems, at, { name, typeUrl: any?.typeUrl }, retryHostPredicateNames);
    }
  }
  return {
    avoidPreviousHosts,
    ...(rejections.length > 0 && { rejectsHost: (host) => rejections.some((rejects) => rejects(host)) }),
  };
}

const lbMetadata = (metadata: Host["metadata"]) =>
  (metadata["envoy.lb"] ?? {}) as Readonly<Record<string, unknown>>; // a Struct

function compileRetryPriority(
  { retryPriority }: RetryPolicyMessage,
  path: string,
  problems: Problems,
): Pick<RetryPolicy, "retryPriorityFrequency"> {
  if (retryPriority === undefined) return {};
  const at = `${path}.retry_priority`;
  const { name, configType } = retryPriority;
  const any = configType.case === "typedConfig" ? configType.value : undefined;
  if (typeNameOf(any?.typeUrl ?? "") !== PreviousPrioritiesConfigSchema.typeName) {
    reportUnknownExtension(problems, at, { name, typeUrl: any?.typeUrl }, retryPriorityNames);
    return {};
  }
  const config = unpackAs(PreviousPrioritiesConfigSchema, any, `${at}.typed_config`, problems);
  return { retryPriorityFrequency: Math.max(1, config?.updateFrequency ?? 1) };
}

function compileRateLimited(
  message: RetryPolicy_RateLimitedRetryBackOff,
): NonNullable<RetryPolicy["rateLimited"]> {
  return {
    resetHeaders: message.resetHeaders.map(({ name, format }) => ({
      name: name.toLowerCase(),
      format: format === RetryPolicy_ResetHeaderFormat.UNIX_TIMESTAMP ? "unix" : "seconds",
    })),
    maxMs: durationMs(message.maxInterval, 300_000),
  };
}
