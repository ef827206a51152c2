import type { GrpcService } from "@weft/envoy-api/envoy/config/core/v3/grpc_service_pb.js";
import type { HttpService } from "@weft/envoy-api/envoy/extensions/filters/http/ext_authz/v3/ext_authz_pb.js";
import type { ListStringMatcher } from "@weft/envoy-api/envoy/type/matcher/v3/string_pb.js";
import { compileString, MatcherError, type TextMatcher } from "@weft/matching";
import {
  type Authorizer,
  type CheckRequestOptions,
  createGrpcAuthorizer,
  createHttpAuthorizer,
} from "../ext-authz/index.ts";
import type { CompileEnvironment } from "./environment.ts";
import type { Problems } from "./problems.ts";
import { decodeStringMatcher } from "./route/matchers.ts";
import { durationMs } from "./values.ts";

/** As Envoy's, for gRPC. */
const defaultTimeoutMs = 200;

/** An authorizer that refuses: stands where configuration is refused as a whole. */
const nobody: Authorizer = (_subject, done) => {
  queueMicrotask(() => done({ kind: "error" }));
  return () => {};
};

/** True for texts that one of the patterns takes; undefined where there are none. */
export function compileNames(
  message: ListStringMatcher | undefined,
  path: string,
  problems: Problems,
): TextMatcher | undefined {
  if (message === undefined || message.patterns.length === 0) return undefined;
  try {
    const tests = message.patterns.map((pattern, i) =>
      compileString(decodeStringMatcher(pattern, `${path}.patterns[${i}]`, problems)),
    );
    return (text) => tests.some((test) => test(text));
  } catch (error) {
    if (!(error instanceof MatcherError)) throw error;
    problems.error(path, error.code, error.message);
    return () => false;
  }
}

/** Compiles a gRPC service that decides. */
export function compileGrpcAuthorizer(
  message: GrpcService,
  options: CheckRequestOptions,
  path: string,
  { callCluster }: CompileEnvironment,
  problems: Problems,
): Authorizer {
  const { targetSpecifier: target, initialMetadata, timeout } = message;
  if (target.case !== "envoyGrpc") {
    problems.error(path, "not-implemented", "needs envoy_grpc: other clients of gRPC are not implemented");
    return nobody;
  }
  return createGrpcAuthorizer({
    ...options,
    cluster: target.value.clusterName,
    authority: target.value.authority === "" ? target.value.clusterName : target.value.authority,
    timeoutMs: durationMs(timeout, defaultTimeoutMs),
    headers: initialMetadata.map(({ key, value }) => [key.toLowerCase(), value] as const),
    callCluster,
  });
}

const none: TextMatcher = () => false;
/** What clients of a denial get to see of its headers in any case. */
const alwaysForClients: ReadonlySet<string> = new Set(["www-authenticate", "location"]);

/** Compiles an HTTP service that decides. */
export function compileHttpAuthorizer(
  message: HttpService,
  allowedHeaders: TextMatcher | undefined,
  path: string,
  { callCluster }: CompileEnvironment,
  problems: Problems,
): Authorizer {
  const { serverUri, pathPrefix, authorizationRequest: question, authorizationResponse: answer } = message;
  if (serverUri?.httpUpstreamType.case !== "cluster") {
    problems.error(`${path}.server_uri`, "missing", "needs a cluster");
    return nobody;
  }
  const names = (list: ListStringMatcher | undefined, field: string) =>
    compileNames(list, `${path}.${field}`, problems);
  const onDenial = names(answer?.allowedClientHeaders, "authorization_response.allowed_client_headers");
  return createHttpAuthorizer({
    cluster: serverUri.httpUpstreamType.value,
    timeoutMs: durationMs(serverUri.timeout, 0),
    pathPrefix,
    allowedHeaders:
      allowedHeaders ?? names(question?.allowedHeaders, "authorization_request.allowed_headers") ?? none,
    headersToAdd: (question?.headersToAdd ?? []).map(({ key, value }) => [key.toLowerCase(), value] as const),
    upstreamHeaders:
      names(answer?.allowedUpstreamHeaders, "authorization_response.allowed_upstream_headers") ?? none,
    upstreamHeadersToAppend:
      names(
        answer?.allowedUpstreamHeadersToAppend,
        "authorization_response.allowed_upstream_headers_to_append",
      ) ?? none,
    clientHeadersOnDenial:
      onDenial === undefined
        ? (name) => name !== "host"
        : (name) => alwaysForClients.has(name) || onDenial(name),
    clientHeadersOnSuccess:
      names(
        answer?.allowedClientHeadersOnSuccess,
        "authorization_response.allowed_client_headers_on_success",
      ) ?? none,
    metadataHeaders:
      names(answer?.dynamicMetadataFromHeaders, "authorization_response.dynamic_metadata_from_headers") ??
      none,
    callCluster,
  });
}
