import type { MessageInitShape } from "@bufbuild/protobuf";
import { ApiVersion } from "@weft/envoy-api/envoy/config/core/v3/config_source_pb.js";
import type { GrpcServiceSchema } from "@weft/envoy-api/envoy/config/core/v3/grpc_service_pb.js";
import type {
  ExtAuthzSchema as HttpExtAuthzSchema,
  HttpServiceSchema,
} from "@weft/envoy-api/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js";
import type { ExtAuthzSchema as NetworkExtAuthzSchema } from "@weft/envoy-api/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb.js";
import type { MetadataMatcherSchema } from "@weft/envoy-api/envoy/type/matcher/v3/metadata_pb.js";
import { toMetadataMatcher } from "../envoy/metadata-match.ts";
import { toDuration } from "../envoy/scalars.ts";
import { toStringMatcher } from "../envoy/string-match.ts";
import type { ExternalAuthorizer, HttpAuthorizer, StringMatch } from "../ir/index.ts";
import { externalPolicyId } from "./rbac.ts";

/** The authorizer is asked where the filter before it has found one of its rules to hold. */
function enabledBy(
  filter: string,
  { rulePrefix }: ExternalAuthorizer,
): MessageInitShape<typeof MetadataMatcherSchema> {
  return toMetadataMatcher({
    kind: "metadata",
    filter,
    path: [externalPolicyId],
    value: { kind: "string", match: { kind: "prefix", value: rulePrefix } },
  });
}

function toGrpcService({
  backend,
  host,
  timeoutMs,
}: ExternalAuthorizer): MessageInitShape<typeof GrpcServiceSchema> {
  return {
    targetSpecifier: { case: "envoyGrpc", value: { clusterName: backend, authority: host } },
    timeout: toDuration(timeoutMs),
  };
}

function patterns(matches: readonly StringMatch[]) {
  return { patterns: matches.map(toStringMatcher) };
}

function toHttpService(
  { backend, host, timeoutMs }: ExternalAuthorizer,
  { pathPrefix, addedHeaders, upstreamOnAllow, downstreamOnDeny, downstreamOnAllow }: HttpAuthorizer,
): MessageInitShape<typeof HttpServiceSchema> {
  const answer = {
    ...(upstreamOnAllow.length === 0 ? {} : { allowedUpstreamHeaders: patterns(upstreamOnAllow) }),
    ...(downstreamOnDeny.length === 0 ? {} : { allowedClientHeaders: patterns(downstreamOnDeny) }),
    ...(downstreamOnAllow.length === 0 ? {} : { allowedClientHeadersOnSuccess: patterns(downstreamOnAllow) }),
  };
  return {
    pathPrefix,
    serverUri: {
      uri: `http://${host}`,
      httpUpstreamType: { case: "cluster", value: backend },
      timeout: toDuration(timeoutMs),
    },
    ...(addedHeaders.length === 0
      ? {}
      : { authorizationRequest: { headersToAdd: addedHeaders.map(([key, value]) => ({ key, value })) } }),
    ...(Object.keys(answer).length === 0 ? {} : { authorizationResponse: answer }),
  };
}

/** Envoy's filter that asks an authorizer about a request. */
export function toHttpExtAuthz(authorizer: ExternalAuthorizer): MessageInitShape<typeof HttpExtAuthzSchema> {
  const { protocol, statusOnError, body, failOpen, clearRouteCache } = authorizer;
  return {
    transportApiVersion: ApiVersion.V3,
    failureModeAllow: failOpen,
    clearRouteCache,
    ...(statusOnError === undefined ? {} : { statusOnError: { code: statusOnError } }),
    filterEnabledMetadata: enabledBy("envoy.filters.http.rbac", authorizer),
    ...(body === undefined ? {} : { withRequestBody: body }),
    ...(protocol.kind === "http" && protocol.requestHeaders.length > 0
      ? { allowedHeaders: patterns(protocol.requestHeaders) }
      : {}),
    services:
      protocol.kind === "grpc"
        ? { case: "grpcService", value: toGrpcService(authorizer) }
        : { case: "httpService", value: toHttpService(authorizer, protocol) },
  };
}

/** Envoy's filter that asks an authorizer about a connection; only one that speaks gRPC can be asked. */
export function toNetworkExtAuthz(
  authorizer: ExternalAuthorizer,
): MessageInitShape<typeof NetworkExtAuthzSchema> {
  return {
    statPrefix: "tcp.",
    transportApiVersion: ApiVersion.V3,
    failureModeAllow: authorizer.failOpen,
    grpcService: toGrpcService(authorizer),
    filterEnabledMetadata: enabledBy("envoy.filters.network.rbac", authorizer),
  };
}
