import { create, type JsonObject, type MessageInitShape } from "@bufbuild/protobuf";
import type { AddressSchema } from "@weft/envoy-api/envoy/config/core/v3/address_pb.js";
import type {
  AttributeContext_HttpRequestSchema,
  AttributeContext_PeerSchema,
} from "@weft/envoy-api/envoy/service/auth/v3/attribute_context_pb.js";
import {
  type CheckRequest,
  CheckRequestSchema,
} from "@weft/envoy-api/envoy/service/auth/v3/external_auth_pb.js";
import type { TextMatcher } from "@weft/matching";
import type { SocketAddress, TlsInfo } from "../runtime/connection.ts";
import { urlEncodePem } from "../tls/index.ts";
import type { AuthzRequest, AuthzSubject } from "./subject.ts";

/** What of a subject is told. */
export interface CheckRequestOptions {
  /** Which headers are shown; names in lower case. */
  readonly showsHeader: TextMatcher;
  readonly packBodyAsBytes: boolean;
  /** The server name of the TLS client hello. */
  readonly includeTlsSession: boolean;
  /** The client's certificate, as a whole. */
  readonly includePeerCertificate: boolean;
}

/** Says what an authorizer needs to know. https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/auth/v3/attribute_context.proto */
export function buildCheckRequest(subject: AuthzSubject, options: CheckRequestOptions): CheckRequest {
  const { connection, request, contextExtensions, metadata, routeMetadata } = subject;
  const { tls, serverName } = connection;
  const service = request?.head.headers.first("x-envoy-downstream-service-cluster") ?? "";
  return create(CheckRequestSchema, {
    attributes: {
      source: {
        ...peerOf(connection.remoteAddress, peerPrincipal(tls)),
        service,
        ...(options.includePeerCertificate &&
          tls?.peer?.pem !== undefined && { certificate: urlEncodePem(tls.peer.pem) }),
      },
      destination: peerOf(connection.localAddress, tls?.localUriSans[0] ?? ""),
      ...(request !== undefined && { request: describeRequest(request, options) }),
      contextExtensions: { ...contextExtensions },
      metadataContext: { filterMetadata: metadata as Record<string, JsonObject> }, // dynamic metadata is JSON
      routeMetadataContext: { filterMetadata: routeMetadata as Record<string, JsonObject> }, // so is a route's
      ...(options.includeTlsSession && tls !== undefined && { tlsSession: { sni: serverName ?? "" } }),
    },
  });
}

function peerOf(
  { address, port }: SocketAddress,
  principal: string,
): MessageInitShape<typeof AttributeContext_PeerSchema> {
  return { address: addressOf(address, port), principal };
}

function addressOf(address: string, port: number): MessageInitShape<typeof AddressSchema> {
  if (address.startsWith("/")) return { address: { case: "pipe", value: { path: address } } };
  return {
    address: { case: "socketAddress", value: { address, portSpecifier: { case: "portValue", value: port } } },
  };
}

/** As Envoy: the first URI, else the first DNS name, else the subject. */
function peerPrincipal(tls: TlsInfo | undefined): string {
  const peer = tls?.peer;
  return peer === undefined ? "" : (peer.uriSans[0] ?? peer.dnsSans[0] ?? peer.subject);
}

function describeRequest({ head, info, body }: AuthzRequest, options: CheckRequestOptions) {
  const { showsHeader, packBodyAsBytes } = options;
  const headers: Record<string, string> = {};
  const pseudo = [
    [":authority", head.authority],
    [":method", head.method],
    [":path", head.path],
    [":scheme", head.scheme],
  ] as const;
  for (const [name, value] of [...pseudo, ...head.headers]) {
    if (!showsHeader(name)) continue;
    const before = Object.hasOwn(headers, name) ? headers[name] : undefined;
    headers[name] = before === undefined ? value : `${before},${value}`;
  }
  if (body !== undefined) headers["x-envoy-auth-partial-body"] = String(body.partial);
  const http: MessageInitShape<typeof AttributeContext_HttpRequestSchema> = {
    id: info.requestId,
    method: head.method,
    path: head.path,
    host: head.authority,
    scheme: head.scheme,
    size: BigInt(info.bytesReceived),
    protocol: head.protocol,
    headers,
    ...(body !== undefined &&
      (packBodyAsBytes ? { rawBody: new Uint8Array(body.bytes) } : { body: body.bytes.toString("utf8") })),
  };
  const seconds = Math.floor(info.startTime / 1000);
  const nanos = Math.round((info.startTime - seconds * 1000) * 1e6);
  return { time: { seconds: BigInt(seconds), nanos }, http };
}
