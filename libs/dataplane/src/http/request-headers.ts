import { isIP } from "node:net";
import type { ConnectionInfo, PeerCertificate, SocketAddress } from "../runtime/connection.ts";
import type { HeaderMap } from "../runtime/headers.ts";
import type { HttpConnectionManagerConfig } from "../runtime/http-connection-manager.ts";
import type { RequestHead } from "../runtime/request.ts";
import type { StreamInfo } from "../runtime/stream-info.ts";
import { urlEncodePem } from "../tls/index.ts";

/** What only the mesh itself may say; taken out of requests from outside. */
const internalOnly = [
  "x-envoy-retriable-status-codes",
  "x-envoy-retriable-header-names",
  "x-envoy-retry-on",
  "x-envoy-retry-grpc-on",
  "x-envoy-max-retries",
  "x-envoy-upstream-alt-stat-name",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-upstream-rq-timeout-alt-response",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-force-trace",
  "x-envoy-ip-tags",
  "x-envoy-original-url",
  "x-envoy-hedge-on-per-try-timeout",
];
const edgeOnly = [
  "x-envoy-decorator-operation",
  "x-envoy-downstream-service-cluster",
  "x-envoy-downstream-service-node",
  "x-envoy-original-path",
];

/**
 * Settles who the client is and what its request's headers say of it, before routes are matched.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers
 */
export function mutateRequestHeaders(
  head: RequestHead,
  info: StreamInfo,
  config: HttpConnectionManagerConfig,
): void {
  const { headers } = head;
  const { headers: settings } = config;
  const { connection } = info;
  if (settings.stripTrailingDot) head.authority = head.authority.replace(/\.(:\d+)?$/, "$1");
  const forwardedFor = headers.get("x-forwarded-for");
  const tls = connection.tls !== undefined;
  if (settings.useRemoteAddress) {
    const { address } = connection.remoteAddress;
    info.remoteAddress = trustedAddress(
      forwardedFor,
      settings.xffNumTrustedHops,
      connection.remoteAddress,
      1,
    );
    if (!settings.skipXffAppend)
      headers.set("x-forwarded-for", forwardedFor === undefined ? address : `${forwardedFor},${address}`);
    if (settings.xffNumTrustedHops === 0 || !headers.has("x-forwarded-proto"))
      headers.set("x-forwarded-proto", tls ? "https" : "http");
  } else {
    if (forwardedFor !== undefined)
      info.remoteAddress = trustedAddress(
        forwardedFor,
        settings.xffNumTrustedHops,
        connection.remoteAddress,
        0,
      );
    if (!headers.has("x-forwarded-proto")) headers.append("x-forwarded-proto", tls ? "https" : "http");
  }
  // In HTTP/2 the client has said it.
  if (head.protocol !== "HTTP/2")
    head.scheme = headers.first("x-forwarded-proto") === "https" ? "https" : "http";

  // As in Envoy: at the edge whoever comes by way of another proxy is from outside; elsewhere who does not say where
  // from, or comes by more than one.
  const lone = settings.useRemoteAddress
    ? forwardedFor === undefined
    : forwardedFor !== undefined && isIP(forwardedFor.trim()) !== 0;
  const internal = lone && settings.internalAddress(info.remoteAddress.address);
  const edge = !internal && settings.useRemoteAddress;
  headers.remove("x-envoy-internal");
  if (internal) headers.append("x-envoy-internal", "true");
  else removeReserved(headers, edge);
  if (edge) headers.set("x-envoy-external-address", info.remoteAddress.address);

  forwardClientCert(headers, connection, config);
  if (settings.via !== "") headers.append("via", settings.via);
  setRequestId(headers, info, config, edge);
}

/** Most requests carry none of these: one look at the names tells. */
function removeReserved(headers: HeaderMap, edge: boolean): void {
  const { list } = headers;
  let found = false;
  for (let i = 0; i < list.length && !found; i += 2) found = (list[i] as string).startsWith("x-envoy-");
  if (!found) return;
  for (const name of internalOnly) headers.remove(name);
  if (edge) for (const name of edgeOnly) headers.remove(name);
}

/** The address `hops` places from the right of x-forwarded-for (`own`: the connection stands at the right of it). */
function trustedAddress(
  forwardedFor: string | undefined,
  hops: number,
  connection: SocketAddress,
  own: 0 | 1,
): SocketAddress {
  if (forwardedFor === undefined || hops < own) return connection;
  const addresses = forwardedFor.split(",");
  const address = addresses[addresses.length - 1 - (hops - own)]?.trim();
  return address === undefined || isIP(address) === 0 ? connection : { address, port: 0 };
}

function setRequestId(
  headers: HeaderMap,
  info: StreamInfo,
  config: HttpConnectionManagerConfig,
  edge: boolean,
): void {
  const { generateRequestId, preserveExternalRequestId } = config.headers;
  const given = headers.first("x-request-id");
  if (given !== undefined && !(edge && generateRequestId && !preserveExternalRequestId)) {
    info.requestId = given;
    return;
  }
  if (!generateRequestId) return;
  info.requestId = config.requestId();
  headers.set("x-request-id", info.requestId);
}

/** https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert */
function forwardClientCert(
  headers: HeaderMap,
  connection: ConnectionInfo,
  config: HttpConnectionManagerConfig,
): void {
  const mode = config.headers.forwardClientCert;
  if (mode === "always-forward-only") return;
  const peer = connection.tls?.peer;
  if (mode === "sanitize" || peer === undefined) {
    headers.remove("x-forwarded-client-cert");
    return;
  }
  if (mode === "forward-only") return;
  const element = formatClientCert(peer, connection.tls?.localUriSans ?? [], config);
  const before = mode === "append-forward" ? headers.get("x-forwarded-client-cert") : undefined;
  headers.set("x-forwarded-client-cert", before === undefined ? element : `${before},${element}`);
}

function formatClientCert(
  peer: PeerCertificate,
  localUriSans: readonly string[],
  config: HttpConnectionManagerConfig,
): string {
  const { clientCertDetails: wanted } = config.headers;
  const parts: string[] = [];
  if (localUriSans[0] !== undefined) parts.push(`By=${localUriSans[0]}`);
  parts.push(`Hash=${peer.sha256}`);
  if (wanted.cert && peer.pem !== undefined) parts.push(`Cert="${urlEncodePem(peer.pem)}"`);
  if (wanted.subject) parts.push(`Subject="${peer.subject.replaceAll('"', '\\"')}"`);
  if (wanted.uri)
    parts.push(...(peer.uriSans.length === 0 ? ["URI="] : peer.uriSans.map((uri) => `URI=${uri}`)));
  if (wanted.dns) parts.push(...peer.dnsSans.map((dns) => `DNS=${dns}`));
  return parts.join(";");
}
