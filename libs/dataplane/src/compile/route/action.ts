import type { Metadata } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import type {
  RouteAction_RequestMirrorPolicy,
  RouteAction as RouteActionMessage,
  Route as RouteMessage,
  WeightedCluster,
} from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { RouteAction_ClusterNotFoundResponseCode } from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { compileRegexRewrite, stripQuery } from "@weft/matching";
import type { RequestView } from "../../runtime/request.ts";
import type {
  ClusterChoice,
  DirectResponseAction,
  ForwardAction,
  MirrorPolicy,
  RetryPolicy,
  RouteAction,
} from "../../runtime/route.ts";
import { subsetCriteria } from "../endpoints.ts";
import type { Problems } from "../problems.ts";
import { durationMs, optionalMs } from "../values.ts";
import { type CompileFilterConfigs, separateSwitches } from "./filter-config.ts";
import { compileHashPolicies } from "./hash.ts";
import { compileHeaderMutations } from "./header-options.ts";
import { decodeFraction } from "./matchers.ts";
import { compileRedirect } from "./redirect.ts";
import { compileRetryPolicy } from "./retry.ts";
import { compilePathRegexRewrite, compilePrefixRewrite } from "./rewrite.ts";

/** What routes inherit from their virtual host and table. */
export interface RouteDefaults {
  readonly retry: RetryPolicy | undefined;
  readonly mirrors: readonly RouteAction_RequestMirrorPolicy[];
  readonly maxDirectResponseBytes: number;
}

/** Envoy's whole-request timeout where none is given. */
const defaultTimeoutMs = 15_000;

/** Compiles what a route does. Throws MatcherError for patterns that RE2 would refuse. */
export function compileAction(
  message: RouteMessage,
  path: string,
  defaults: RouteDefaults,
  filterConfigs: CompileFilterConfigs,
  problems: Problems,
): RouteAction | undefined {
  const { action } = message;
  switch (action.case) {
    case "route":
      return compileForward(message, action.value, `${path}.route`, defaults, filterConfigs, problems);
    case "redirect":
      return compileRedirect(action.value, message.match);
    case "directResponse": {
      const { status, body } = action.value;
      return compileDirectResponse(status, body?.specifier, `${path}.direct_response`, defaults, problems);
    }
    default:
      problems.error(path, "not-implemented", "needs one of route, redirect, direct_response");
      return undefined;
  }
}

function compileDirectResponse(
  status: number,
  body: { readonly case: string | undefined; readonly value?: unknown } | undefined,
  path: string,
  { maxDirectResponseBytes }: RouteDefaults,
  problems: Problems,
): DirectResponseAction {
  let bytes: Uint8Array = new Uint8Array();
  if (body?.case === "inlineString" || body?.case === "inlineBytes") {
    bytes = Buffer.from(body.value as string | Uint8Array<ArrayBuffer> as string); // either is taken by Buffer.from
  } else if (body?.case !== undefined) {
    problems.error(`${path}.body`, "not-implemented", "only inline_string and inline_bytes are implemented");
  }
  if (bytes.length > maxDirectResponseBytes) {
    problems.error(
      `${path}.body`,
      "too-large",
      `is ${bytes.length} bytes, at most ${maxDirectResponseBytes} are allowed`,
    );
  }
  return { kind: "direct-response", status, body: bytes };
}

function compileForward(
  route: RouteMessage,
  message: RouteActionMessage,
  path: string,
  defaults: RouteDefaults,
  filterConfigs: CompileFilterConfigs,
  problems: Problems,
): ForwardAction {
  const retry =
    message.retryPolicy === undefined
      ? defaults.retry
      : compileRetryPolicy(message.retryPolicy, `${path}.retry_policy`, problems);
  const hash = compileHashPolicies(message.hashPolicy, `${path}.hash_policy`, problems);
  const idleTimeoutMs = optionalMs(message.idleTimeout);
  const maxGrpcTimeoutMs = optionalMs(
    message.maxStreamDuration?.grpcTimeoutHeaderMax ?? message.maxGrpcTimeout,
  );
  const maxStreamDurationMs = optionalMs(message.maxStreamDuration?.maxStreamDuration);
  const mirrors = [
    ...(message.requestMirrorPolicies.length > 0 ? message.requestMirrorPolicies : defaults.mirrors),
  ];
  const rewritePath = pathRewriteOf(route, message);
  const rewriteHost = hostRewriteOf(message);
  return {
    kind: "forward",
    pick: compilePick(message, path, filterConfigs, problems),
    timeoutMs: durationMs(message.timeout, defaultTimeoutMs),
    ...(idleTimeoutMs !== undefined && { idleTimeoutMs }),
    ...(maxGrpcTimeoutMs !== undefined && { maxGrpcTimeoutMs }),
    ...(maxStreamDurationMs !== undefined && { maxStreamDurationMs }),
    ...(retry !== undefined && { retry }),
    ...(rewritePath !== undefined && { rewritePath }),
    ...(rewriteHost !== undefined && { rewriteHost }),
    autoHostRewrite:
      message.hostRewriteSpecifier.case === "autoHostRewrite" && message.hostRewriteSpecifier.value.value,
    appendForwardedHost: message.appendXForwardedHost,
    ...(hash !== undefined && { hash }),
    clusterNotFoundStatus: clusterNotFoundStatus(message.clusterNotFoundResponseCode),
    upgrades: new Map(
      message.upgradeConfigs.map(({ upgradeType, enabled }) => [upgradeType.toLowerCase(), enabled ?? true]),
    ),
    mirrors: mirrors.map(compileMirror),
  };
}

function clusterNotFoundStatus(code: RouteAction_ClusterNotFoundResponseCode): number {
  switch (code) {
    case RouteAction_ClusterNotFoundResponseCode.SERVICE_UNAVAILABLE:
      return 503;
    case RouteAction_ClusterNotFoundResponseCode.NOT_FOUND:
      return 404;
    case RouteAction_ClusterNotFoundResponseCode.INTERNAL_SERVER_ERROR:
      return 500;
  }
}

function pathRewriteOf(route: RouteMessage, message: RouteActionMessage) {
  if (message.regexRewrite !== undefined) return compilePathRegexRewrite(message.regexRewrite);
  return message.prefixRewrite === "" ? undefined : compilePrefixRewrite(message.prefixRewrite, route.match);
}

function hostRewriteOf({ hostRewriteSpecifier: specifier }: RouteActionMessage) {
  switch (specifier.case) {
    case "hostRewriteLiteral":
      return () => specifier.value;
    case "hostRewriteHeader": {
      const name = specifier.value.toLowerCase();
      return (request: RequestView) => request.header(name);
    }
    case "hostRewritePathRegex": {
      const rewrite = compileRegexRewrite(specifier.value.pattern?.regex ?? "", specifier.value.substitution);
      return (request: RequestView) => rewrite(stripQuery(request.path));
    }
    default:
      return undefined;
  }
}

function compileMirror(message: RouteAction_RequestMirrorPolicy): MirrorPolicy {
  const { runtimeFraction } = message;
  const header = message.clusterHeader.toLowerCase();
  const target = {
    cluster: header === "" ? () => message.cluster : (request: RequestView) => request.header(header) ?? "",
    marksHost: !message.disableShadowHostSuffixAppend,
  };
  if (runtimeFraction === undefined) return { ...target, sample: () => true };
  const { numerator, denominator } = decodeFraction(runtimeFraction.defaultValue);
  return { ...target, sample: (random) => random * denominator < numerator };
}

function compilePick(
  { clusterSpecifier, metadataMatch }: RouteActionMessage,
  path: string,
  filterConfigs: CompileFilterConfigs,
  problems: Problems,
): ForwardAction["pick"] {
  switch (clusterSpecifier.case) {
    case "cluster": {
      const choice = { cluster: clusterSpecifier.value, ...subsetOf(metadataMatch) };
      return () => choice;
    }
    case "clusterHeader": {
      const name = clusterSpecifier.value.toLowerCase();
      const subset = subsetOf(metadataMatch);
      return (_random, request) => ({ cluster: request.header(name) ?? "", ...subset });
    }
    case "weightedClusters":
      return compileWeighted(
        clusterSpecifier.value,
        metadataMatch,
        `${path}.weighted_clusters`,
        filterConfigs,
        problems,
      );
    default:
      problems.error(path, "not-implemented", "needs one of cluster, cluster_header, weighted_clusters");
      return () => ({ cluster: "" });
  }
}

function subsetOf(...matches: readonly (Metadata | undefined)[]): Pick<ClusterChoice, "subset"> {
  const subset = subsetCriteria(...matches);
  return subset === undefined ? {} : { subset };
}

/** Weights count in relation to their sum. https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-weightedcluster */
function compileWeighted(
  { clusters }: WeightedCluster,
  metadataMatch: Metadata | undefined,
  path: string,
  filterConfigs: CompileFilterConfigs,
  problems: Problems,
): ForwardAction["pick"] {
  let total = 0;
  const choices = clusters.map((entry, index) => {
    const at = `${path}.clusters[${index}]`;
    const headers = compileHeaderMutations(entry, `${at}.`, problems);
    const { filterConfig, filterSwitches } = separateSwitches(
      filterConfigs(entry.typedPerFilterConfig, `${at}.typed_per_filter_config`),
    );
    if (filterSwitches !== undefined)
      problems.error(
        `${at}.typed_per_filter_config`,
        "not-implemented",
        "filters are switched by routes, not by weighted clusters",
      );
    const header = entry.clusterHeader.toLowerCase();
    const choice: ClusterChoice = {
      cluster: entry.name,
      ...subsetOf(metadataMatch, entry.metadataMatch),
      ...(headers.request !== undefined && { requestHeaders: headers.request }),
      ...(headers.response !== undefined && { responseHeaders: headers.response }),
      ...(filterConfig.size > 0 && { filterConfig }),
      ...(entry.hostRewriteSpecifier.case === "hostRewriteLiteral" && {
        rewriteHost: entry.hostRewriteSpecifier.value,
      }),
    };
    total += entry.weight ?? 0;
    return { upTo: total, header, choice };
  });
  const last = choices.at(-1);
  if (last === undefined || total === 0) {
    problems.error(path, "out-of-range", "the sum of the weights is 0, at least 1 is needed");
    return () => ({ cluster: "" });
  }
  return (random, request) => {
    const at = random * total;
    const { choice, header } = choices.find(({ upTo }) => at < upTo) ?? last;
    return header === "" ? choice : { ...choice, cluster: request.header(header) ?? "" };
  };
}
