import {
  HeaderValueOption_HeaderAppendAction as Append,
  type HeaderValueOption,
} from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import {
  CheckRequestSchema,
  type CheckResponse,
  CheckResponseSchema,
  type DeniedHttpResponse,
  type OkHttpResponse,
} from "@weft/envoy-api/envoy/service/auth/v3/external_auth_pb.js";
import { callUnary, type GrpcTarget } from "../grpc/unary.ts";
import { buildCheckRequest, type CheckRequestOptions } from "./check-request.ts";
import {
  type AuthzChanges,
  type AuthzDecision,
  type AuthzHeader,
  isSendable,
  noChanges,
} from "./decision.ts";
import type { Authorizer } from "./subject.ts";

/** Envoy's GrpcService of ext_authz, compiled. */
export interface GrpcAuthorizerConfig extends CheckRequestOptions, GrpcTarget {}

const method = {
  path: "/envoy.service.auth.v3.Authorization/Check",
  input: CheckRequestSchema,
  output: CheckResponseSchema,
} as const;

/** Asks `envoy.service.auth.v3.Authorization/Check`. */
export function createGrpcAuthorizer(config: GrpcAuthorizerConfig): Authorizer {
  return (subject, done) =>
    callUnary(config, method, buildCheckRequest(subject, config), (response) => done(decide(response)));
}

function decide(response: CheckResponse | undefined): AuthzDecision {
  if (response === undefined) return { kind: "error" };
  const { httpResponse } = response;
  const isOk = (response.status?.code ?? 0) === 0;
  const metadata =
    (httpResponse.case === "okResponse" ? httpResponse.value.dynamicMetadata : undefined) ??
    response.dynamicMetadata;
  const noted = metadata === undefined ? {} : { metadata };
  if (!isOk) {
    const denial = denialOf(httpResponse.case === "deniedResponse" ? httpResponse.value : undefined);
    return denial === undefined ? { kind: "error" } : { ...denial, ...noted };
  }
  const changes = httpResponse.case === "okResponse" ? changesOf(httpResponse.value) : noChanges;
  return changes === undefined ? { kind: "error" } : { kind: "ok", changes, ...noted };
}

const actions: Readonly<Record<number, AuthzHeader["action"]>> = {
  [Append.APPEND_IF_EXISTS_OR_ADD]: "append",
  [Append.ADD_IF_ABSENT]: "add-if-absent",
  [Append.OVERWRITE_IF_EXISTS_OR_ADD]: "overwrite",
  [Append.OVERWRITE_IF_EXISTS]: "overwrite-if-exists",
};

function headerOf(option: HeaderValueOption): AuthzHeader {
  const { header, append, appendAction } = option;
  const action =
    append === undefined ? (actions[appendAction] ?? "overwrite") : append ? "append-if-exists" : "overwrite";
  const value = header?.value || Buffer.from(header?.rawValue ?? []).toString("latin1");
  return { name: header?.key.toLowerCase() ?? "", value, action };
}

/** Undefined where a header could not be sent as one. */
function headersOf(options: readonly HeaderValueOption[]): readonly AuthzHeader[] | undefined {
  const headers = options.map(headerOf);
  return headers.every(isSendable) ? headers : undefined;
}

function changesOf(ok: OkHttpResponse): AuthzChanges | undefined {
  const requestHeaders = headersOf(ok.headers);
  const responseHeaders = headersOf(ok.responseHeadersToAdd);
  if (requestHeaders === undefined || responseHeaders === undefined) return undefined;
  return {
    requestHeaders,
    responseHeaders,
    requestHeadersToRemove: ok.headersToRemove.map((name) => name.toLowerCase()),
    queryToSet: ok.queryParametersToSet.map(({ key, value }) => [key, value] as const),
    queryToRemove: ok.queryParametersToRemove,
  };
}

const forbidden = 403;

function denialOf(denied: DeniedHttpResponse | undefined): (AuthzDecision & { kind: "denied" }) | undefined {
  const headers = headersOf(denied?.headers ?? []);
  if (headers === undefined) return undefined;
  const status = Number(denied?.status?.code ?? 0);
  return {
    kind: "denied",
    status: status === 0 ? forbidden : status,
    headers,
    body: denied?.body ?? "",
  };
}
