import type { Message } from "@bufbuild/protobuf";
import type { RuntimeFractionalPercent } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import {
  VhRateLimitsOptions,
  XRateLimitHeadersRFCVersion,
} from "@weft/envoy-api/envoy/extensions/common/ratelimit/v3/ratelimit_pb.js";
import type { LocalRateLimit } from "@weft/envoy-api/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js";
import type { HttpFilterFactory } from "../../../compile/environment.ts";
import type { Problems } from "../../../compile/problems.ts";
import { compileHeaderAdditions } from "../../../compile/route/header-options.ts";
import { decodeFraction } from "../../../compile/route/matchers.ts";
import { compileBucket } from "../../../compile/token-bucket.ts";
import type { VirtualHostRules } from "../../../runtime/rate-limit.ts";
import { createLocalRateLimitFilter, type LocalRateLimitConfig } from "./filter.ts";

const type = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit";

/** `envoy.filters.http.local_ratelimit`; a route's configuration replaces the filter's as a whole. */
export const localRateLimit: HttpFilterFactory = {
  name: "envoy.filters.http.local_ratelimit",
  configTypes: [type],
  routeConfigTypes: [type],
  compile: (config, { name, path, problems, environment }) =>
    createLocalRateLimitFilter(name, compileConfig(config, path, problems), {
      stats: environment.stats,
      serviceCluster: environment.serviceCluster,
    }),
  compileRoute: (config, path, problems) => {
    if ((config as LocalRateLimit).tokenBucket === undefined) {
      problems.error(`${path}.token_bucket`, "missing", "is needed where a route configures the filter");
    }
    return compileConfig(config, path, problems);
  },
};

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/http/local_ratelimit/v3/local_rate_limit.proto */
function compileConfig(message: Message, path: string, problems: Problems): LocalRateLimitConfig {
  const config = message as LocalRateLimit; // the registry goes by its type name
  const bucket = config.tokenBucket && compileBucket(config.tokenBucket, `${path}.token_bucket`, problems);
  const descriptors = config.descriptors.map(({ entries, tokenBucket }, i) => ({
    entries,
    bucket: compileBucket(tokenBucket, `${path}.descriptors[${i}].token_bucket`, problems),
  }));
  for (const [i, { entries }] of descriptors.entries()) {
    if (descriptors.slice(0, i).some((other) => JSON.stringify(other.entries) === JSON.stringify(entries)))
      problems.error(`${path}.descriptors[${i}]`, "duplicate", "has the same entries as one before it");
  }
  const status = config.status?.code ?? 0;
  const requestHeaders = compileHeaderAdditions(
    config.requestHeadersToAddWhenNotEnforced,
    `${path}.request_headers_to_add_when_not_enforced`,
    problems,
  );
  const responseHeaders = compileHeaderAdditions(
    config.responseHeadersToAdd,
    `${path}.response_headers_to_add`,
    problems,
  );
  return {
    statPrefix: config.statPrefix,
    // As in Envoy: what is no error would be taken for the answer.
    status: status < 400 ? 429 : status,
    limits: {
      ...(bucket !== undefined && { bucket }),
      descriptors,
      alwaysConsumeDefault: config.alwaysConsumeDefaultTokenBucket ?? true,
    },
    perConnection: config.localRateLimitPerDownstreamConnection,
    enabled: shareOf(config.filterEnabled),
    enforced: shareOf(config.filterEnforced),
    stage: config.stage,
    virtualHost: virtualHostRules(config.vhRateLimits),
    informs: config.enableXRatelimitHeaders === XRateLimitHeadersRFCVersion.DRAFT_VERSION_03,
    grpcStatus: config.rateLimitedAsResourceExhausted ? 8 : 14,
    ...(requestHeaders !== undefined && { requestHeaders }),
    ...(responseHeaders !== undefined && { responseHeaders }),
  };
}

/** A filter whose share is not given is off. */
function shareOf(message: RuntimeFractionalPercent | undefined): number {
  if (message === undefined) return 0;
  const { numerator, denominator } = decodeFraction(message.defaultValue);
  return numerator / denominator;
}

function virtualHostRules(option: VhRateLimitsOptions): VirtualHostRules {
  switch (option) {
    case VhRateLimitsOptions.INCLUDE:
      return "include";
    case VhRateLimitsOptions.IGNORE:
      return "ignore";
    default:
      return "override";
  }
}
