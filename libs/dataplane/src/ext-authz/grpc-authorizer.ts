import { fromBinary, toBinary } from "@bufbuild/protobuf";
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
import type { CallCluster, ClusterOutcome } from "../runtime/cluster-call.ts";
import { HeaderMap } from "../runtime/headers.ts";
import { RequestHead } from "../runtime/request.ts";
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
export interface GrpcAuthorizerConfig extends CheckRequestOptions {
  readonly cluster: string;
  readonly authority: string;
  readonly timeoutMs: number;
  /** Metadata of the call. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly callCluster: CallCluster;
}

const maxAnswerBytes = 256 * 1024;
const prefixBytes = 5;

/** Asks `envoy.service.auth.v3.Authorization/Check`. */
export function createGrpcAuthorizer(config: GrpcAuthorizerConfig): Authorizer {
  const { cluster, authority, timeoutMs, headers, callCluster } = config;
  return (subject, done) => {
    const message = toBinary(CheckRequestSchema, buildCheckRequest(subject, config));
    const head = new RequestHead(
      "POST",
      "/envoy.service.auth.v3.Authorization/Check",
      authority,
      "HTTP/2",
      new HeaderMap(["te", "trailers", "content-type", "application/grpc"]),
    );
    if (timeoutMs > 0) head.headers.append("grpc-timeout", `${Math.ceil(timeoutMs)}m`);
    for (const [name, value] of headers) head.headers.append(name, value);
    return callCluster(
      cluster,
      { head, body: frame(message), timeoutMs, maxResponseBytes: maxAnswerBytes },
      (outcome) => done(decide(outcome)),
    );
  };
}

/** https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#length-prefixed-message */
function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(prefixBytes + message.length);
  framed.writeUInt8(0, 0);
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, prefixBytes);
  return framed;
}

function decide(outcome: ClusterOutcome): AuthzDecision {
  const response = readResponse(outcome);
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

function readResponse(outcome: ClusterOutcome): CheckResponse | undefined {
  if (outcome.kind !== "response" || outcome.status !== 200) return undefined;
  const { headers, trailers, body } = outcome;
  if ((trailers.first("grpc-status") ?? headers.first("grpc-status")) !== "0") return undefined;
  if (body.length < prefixBytes || body[0] !== 0 || body.readUInt32BE(1) !== body.length - prefixBytes)
    return undefined;
  try {
    return fromBinary(CheckResponseSchema, body.subarray(prefixBytes));
  } catch {
    // What cannot be read says nothing: the caller fails closed, or as it is told to.
    return undefined;
  }
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
