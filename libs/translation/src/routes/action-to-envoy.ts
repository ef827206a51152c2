import type { MessageInitShape } from "@bufbuild/protobuf";
import { assertNever } from "@weft/base";
import {
  RouteAction_ClusterNotFoundResponseCode as ClusterNotFoundResponseCode,
  type RetryPolicySchema,
  type RouteAction_HashPolicySchema,
  type RouteActionSchema,
} from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { PreviousHostsPredicateSchema } from "@weft/envoy-api/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.js";
import { PreviousPrioritiesConfigSchema } from "@weft/envoy-api/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.js";
import { pack } from "../envoy/any.ts";
import { toDuration } from "../envoy/scalars.ts";
import type { Forward, HashPolicy, RetryPolicy, Rewrite } from "../ir/index.ts";
import { headerFields } from "./headers-to-envoy.ts";
import { toFractionalPercent } from "./percent.ts";

type Action = Exclude<MessageInitShape<typeof RouteActionSchema>, { $typeName: string; $unknown?: unknown }>;

const previousHosts = pack(PreviousHostsPredicateSchema);

function toRetryPolicy(retry: RetryPolicy): MessageInitShape<typeof RetryPolicySchema> {
  return {
    retryOn: retry.retryOn,
    numRetries: retry.attempts,
    retriableStatusCodes: [...retry.statusCodes],
    hostSelectionRetryMaxAttempts: BigInt(retry.hostSelectionAttempts ?? 0),
    ...(retry.perTryTimeoutMs === undefined ? {} : { perTryTimeout: toDuration(retry.perTryTimeoutMs) }),
    ...(retry.backoffMs === undefined ? {} : { retryBackOff: { baseInterval: toDuration(retry.backoffMs) } }),
    ...(retry.avoidPreviousHosts
      ? {
          retryHostPredicate: [
            {
              name: "envoy.retry_host_predicates.previous_hosts",
              configType: { case: "typedConfig", value: previousHosts },
            },
          ],
        }
      : {}),
    ...(retry.remoteLocalities
      ? {
          retryPriority: {
            name: "envoy.retry_priorities.previous_priorities",
            configType: {
              case: "typedConfig",
              value: pack(PreviousPrioritiesConfigSchema, { updateFrequency: 2 }),
            },
          },
        }
      : {}),
  };
}

function toHashPolicy(hash: HashPolicy): MessageInitShape<typeof RouteAction_HashPolicySchema> {
  switch (hash.kind) {
    case "header":
      return { policySpecifier: { case: "header", value: { headerName: hash.name } } };
    case "query":
      return { policySpecifier: { case: "queryParameter", value: { name: hash.name } } };
    case "source-ip":
      return { policySpecifier: { case: "connectionProperties", value: { sourceIp: true } } };
    case "cookie":
      return {
        policySpecifier: {
          case: "cookie",
          value: {
            name: hash.name,
            path: hash.path,
            ...(hash.ttlMs === undefined ? {} : { ttl: toDuration(hash.ttlMs) }),
            attributes: hash.attributes.map(({ name, value }) => ({ name, value })),
          },
        },
      };
    default:
      return assertNever(hash);
  }
}

/** Envoy's RegexMatchAndSubstitute. */
export function toRegexRewrite({ pattern, substitution }: NonNullable<Rewrite["regex"]>) {
  return { pattern: { regex: pattern }, substitution };
}

function rewriteFields(rewrite: Rewrite): Action {
  return {
    ...(rewrite.prefix === undefined ? {} : { prefixRewrite: rewrite.prefix }),
    ...(rewrite.regex ? { regexRewrite: toRegexRewrite(rewrite.regex) } : {}),
    ...(rewrite.host === undefined
      ? {}
      : { hostRewriteSpecifier: { case: "hostRewriteLiteral" as const, value: rewrite.host } }),
  };
}

function clusterFields(forward: Forward): Action {
  const [only, ...others] = forward.destinations;
  if (only !== undefined && others.length === 0)
    return { clusterSpecifier: { case: "cluster", value: only.backend } };
  return {
    clusterSpecifier: {
      case: "weightedClusters",
      value: {
        clusters: forward.destinations.map((destination) => ({
          name: destination.backend,
          weight: destination.weight,
          ...headerFields(destination.requestHeaders, destination.responseHeaders),
          ...(destination.host === undefined
            ? {}
            : { hostRewriteSpecifier: { case: "hostRewriteLiteral" as const, value: destination.host } }),
        })),
      },
    },
  };
}

/** Envoy's RouteAction. Headers of a single destination are the route's own: see the builder. */
export function toRouteAction(forward: Forward): Action {
  const grpc = forward.grpcTimeout;
  return {
    ...clusterFields(forward),
    timeout: toDuration(forward.timeoutMs),
    ...(grpc.kind === "max"
      ? { maxGrpcTimeout: toDuration(grpc.ms) }
      : {
          maxStreamDuration: {
            maxStreamDuration: toDuration(forward.timeoutMs),
            grpcTimeoutHeaderMax: toDuration(forward.timeoutMs),
          },
        }),
    ...(forward.retry ? { retryPolicy: toRetryPolicy(forward.retry) } : {}),
    ...(forward.rewrite ? rewriteFields(forward.rewrite) : {}),
    ...(forward.missingBackendStatus === 500
      ? { clusterNotFoundResponseCode: ClusterNotFoundResponseCode.INTERNAL_SERVER_ERROR }
      : {}),
    hashPolicy: forward.hash.map(toHashPolicy),
    requestMirrorPolicies: forward.mirrors.map(({ backend, percent }) => ({
      cluster: backend,
      runtimeFraction: { defaultValue: toFractionalPercent(percent) },
      traceSampled: false,
    })),
  };
}
