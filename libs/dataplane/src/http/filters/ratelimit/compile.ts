import type { Message } from "@bufbuild/protobuf";
import type { GrpcService } from "@weft/envoy-api/envoy/config/core/v3/grpc_service_pb.js";
import {
  type RateLimit,
  RateLimit_XRateLimitHeadersRFCVersion,
  type RateLimitPerRoute,
  RateLimitPerRoute_VhRateLimitsOptions,
} from "@weft/envoy-api/envoy/extensions/filters/http/ratelimit/v3/rate_limit_pb.js";
import type { CompileEnvironment, HttpFilterFactory } from "../../../compile/environment.ts";
import type { Problems } from "../../../compile/problems.ts";
import { compileHeaderAdditions } from "../../../compile/route/header-options.ts";
import { durationMs } from "../../../compile/values.ts";
import type { GrpcTarget } from "../../../grpc/unary.ts";
import { createRateLimitFilter, type RateLimitRoute } from "./filter.ts";

const type = "envoy.extensions.filters.http.ratelimit.v3";

/** As Envoy's. */
const defaultTimeoutMs = 20;

/** `envoy.filters.http.ratelimit`, which asks a rate limit service by gRPC. */
export const rateLimit: HttpFilterFactory = {
  name: "envoy.filters.http.ratelimit",
  configTypes: [`${type}.RateLimit`],
  routeConfigTypes: [`${type}.RateLimitPerRoute`],
  compile(message, { name, path, problems, environment }) {
    const config = message as RateLimit; // the registry goes by its type name
    const service = compileService(
      config.rateLimitService?.grpcService,
      durationMs(config.timeout, defaultTimeoutMs),
      `${path}.rate_limit_service.grpc_service`,
      environment,
      problems,
    );
    const responseHeaders = compileHeaderAdditions(
      config.responseHeadersToAdd,
      `${path}.response_headers_to_add`,
      problems,
    );
    const limited = config.rateLimitedStatus?.code ?? 0;
    const onError = config.statusOnError?.code ?? 0;
    return (
      service &&
      createRateLimitFilter({
        name,
        service,
        domain: config.domain,
        stage: config.stage,
        requestType:
          config.requestType === "internal" || config.requestType === "external"
            ? config.requestType
            : "both",
        failureModeDeny: config.failureModeDeny,
        // As in Envoy: what is no error would be taken for the answer.
        limitedStatus: limited < 400 ? 429 : limited,
        errorStatus: onError < 100 ? 500 : onError,
        grpcStatus: config.rateLimitedAsResourceExhausted ? 8 : 14,
        informs: config.enableXRatelimitHeaders === RateLimit_XRateLimitHeadersRFCVersion.DRAFT_VERSION_03,
        marks: !config.disableXEnvoyRatelimitedHeader,
        statPrefix: config.statPrefix === "" ? "ratelimit" : `ratelimit.${config.statPrefix}`,
        serviceCluster: environment.serviceCluster,
        clusters: environment.clusters,
        ...(responseHeaders !== undefined && { responseHeaders }),
      })
    );
  },
  compileRoute,
};

function compileRoute(message: Message, path: string, problems: Problems): RateLimitRoute {
  const { vhRateLimits, domain, rateLimits } = message as RateLimitPerRoute; // likewise
  if (rateLimits.length > 0)
    problems.error(`${path}.rate_limits`, "not-implemented", "put rate_limits into the route itself");
  return { domain, virtualHost: virtualHostRules(vhRateLimits) };
}

function virtualHostRules(option: RateLimitPerRoute_VhRateLimitsOptions): RateLimitRoute["virtualHost"] {
  switch (option) {
    case RateLimitPerRoute_VhRateLimitsOptions.INCLUDE:
      return "include";
    case RateLimitPerRoute_VhRateLimitsOptions.IGNORE:
      return "ignore";
    default:
      return "override";
  }
}

function compileService(
  service: GrpcService | undefined,
  timeoutMs: number,
  path: string,
  { callCluster }: CompileEnvironment,
  problems: Problems,
): GrpcTarget | undefined {
  if (service?.targetSpecifier.case !== "envoyGrpc") {
    problems.error(path, "not-implemented", "needs envoy_grpc: other clients of gRPC are not implemented");
    return undefined;
  }
  const { clusterName, authority } = service.targetSpecifier.value;
  return {
    cluster: clusterName,
    authority: authority === "" ? clusterName : authority,
    timeoutMs,
    headers: service.initialMetadata.map(({ key, value }) => [key.toLowerCase(), value] as const),
    callCluster,
  };
}
