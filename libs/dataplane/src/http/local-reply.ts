import { nodeHttp } from "@weft/base";
import { HeaderMap } from "../runtime/headers.ts";
import type { LocalReply } from "../runtime/http-filter.ts";
import { type RequestHead, ResponseHead } from "../runtime/request.ts";

const { STATUS_CODES: statusCodes } = nodeHttp();

/**
 * Every answer that the connection manager and the router give themselves, with Envoy's status, text, flag and
 * details. Filters keep theirs with them.
 */
export const localReplies = {
  codecError: (status: number, details: string): LocalReply => ({
    status,
    body: status === 408 ? "request header timeout" : (statusCodes[status] ?? ""),
    flag: "DPE",
    details,
  }),
  lowVersion: { status: 426, body: "Upgrade Required", flag: "DPE", details: "low_version" },
  missingHost: { status: 400, details: "missing_host_header" },
  absolutePath: { status: 404, details: "absolute_path_rejected" },
  fragment: { status: 400, details: "path_normalization_failed" },
  badPath: (details: string): LocalReply => ({ status: 400, details }),
  pathRedirect: (path: string): LocalReply => ({
    status: 307,
    headers: ["location", path],
    details: "path_normalization_failed",
  }),
  underscore: {
    status: 400,
    body: "Bad Request",
    flag: "DPE",
    details: "http1.unexpected_underscore",
  },
  upgradeRefused: { status: 403, details: "upgrade_failed" },
  streamIdle: { status: 408, body: "stream timeout", flag: "SI", details: "stream_idle_timeout" },
  streamIdleUpstream: { status: 504, body: "stream timeout", flag: "SI", details: "stream_idle_timeout" },
  requestTimeout: { status: 408, body: "request timeout", details: "request_overall_timeout" },
  maxDuration: {
    status: 408,
    body: "downstream duration timeout",
    flag: "DT",
    details: "max_duration_timeout",
  },
  internalError: { status: 500, body: "internal error of the proxy", details: "proxy_internal_error" },
  noRoute: { status: 404, flag: "NR", details: "route_not_found" },
  noCluster: (status: number): LocalReply => ({ status, flag: "NC", details: "cluster_not_found" }),
  noHost: { status: 503, body: "no healthy upstream", flag: "UH", details: "no_healthy_upstream" },
  upstreamTimeout: {
    status: 504,
    body: "upstream request timeout",
    flag: "UT",
    details: "response_timeout",
  },
  perTryTimeout: {
    status: 504,
    body: "upstream request timeout",
    flag: "UT",
    details: "upstream_per_try_timeout",
  },
  perTryIdleTimeout: {
    status: 504,
    body: "upstream request timeout",
    flag: "UT",
    details: "upstream_per_try_idle_timeout",
    grpcStatus: 4,
  },
  maxStreamDuration: {
    status: 504,
    body: "upstream max stream duration reached",
    flag: "UMSDR",
    details: "upstream_max_stream_duration_reached",
  },
  upstreamReset: (reset: UpstreamReset): LocalReply => ({
    status: reset.reason === "protocol error" ? 502 : 503,
    body:
      `upstream connect error or disconnect/reset before headers. ` +
      `${reset.retried ? "retried and the latest " : ""}reset reason: ${reset.reason}` +
      (reset.transportFailure === undefined ? "" : `, transport failure reason: ${reset.transportFailure}`),
    flag: upstreamResetFlags[reset.reason],
    details: `upstream_reset_before_response_started{${[reset.reason, ...(reset.connectError === undefined ? [] : [reset.connectError])].join("|").replaceAll(" ", "_")}}`,
  }),
} as const satisfies Record<string, LocalReply | ((...args: never[]) => LocalReply)>;

/** What became of the last try when no response came of it. */
export interface UpstreamReset {
  readonly reason: UpstreamResetReason;
  readonly retried: boolean;
  readonly transportFailure?: string | undefined;
  /** What the system said when the connection was tried. */
  readonly connectError?: string | undefined;
}

/** Response flags by why a try ended. */
export const upstreamResetFlags = {
  "remote connection failure": "UF",
  "connection timeout": "UF",
  "connection termination": "UC",
  "remote reset": "UR",
  "remote refused stream reset": "UR",
  "local reset": "LR",
  "protocol error": "UPE",
  overflow: "UO",
} as const;

/** Why a try ended without a response, in Envoy's words. */
export type UpstreamResetReason = keyof typeof upstreamResetFlags;

/** HTTP status → gRPC status. https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md */
const grpcStatuses: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};

/** What an HTTP status means in gRPC. */
export function toGrpcStatus(status: number): number {
  return grpcStatuses[status] ?? 2;
}

/** A local reply as a response: gRPC requests get 200 and the status in headers, all others text. */
export function toResponse(reply: LocalReply, request: RequestHead): { head: ResponseHead; body: Buffer } {
  const body = Buffer.from(reply.body ?? "");
  if (isGrpc(request)) {
    const status = reply.grpcStatus ?? toGrpcStatus(reply.status);
    const headers = new HeaderMap(["content-type", "application/grpc", "grpc-status", String(status)]);
    if (body.length > 0) headers.append("grpc-message", encodeGrpcMessage(body.toString()));
    const { headers: more = [] } = reply;
    for (let i = 0; i < more.length; i += 2) {
      const name = more[i] ?? "";
      if (!name.startsWith("content-")) headers.append(name, more[i + 1] ?? "");
    }
    return { head: new ResponseHead(200, headers), body: Buffer.alloc(0) };
  }
  const headers = new HeaderMap([...(reply.headers ?? [])]);
  // In HTTP/2 a frame says that there is no body.
  if (body.length > 0 || request.protocol !== "HTTP/2") headers.set("content-length", String(body.length));
  if (body.length > 0 && !headers.has("content-type")) headers.append("content-type", "text/plain");
  return { head: new ResponseHead(reply.status, headers), body };
}

const grpcContentType = /^application\/grpc(?:[+;]|$)/;

/** True for gRPC requests, gRPC-Web not among them. */
export function isGrpc(request: RequestHead): boolean {
  const type = request.headers.first("content-type");
  return type !== undefined && grpcContentType.test(type);
}

/** https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses */
function encodeGrpcMessage(text: string): string {
  return text.replace(/[^ -$&-~]/gu, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
      .join(""),
  );
}
