import type { ConnectionPoolSettings } from "@weft/istio-api";
import type { Protocol } from "@weft/mesh-model";
import { durationMs } from "../durations.ts";
import type { UpstreamHttp } from "../ir/index.ts";

/** Whether servers of this protocol speak HTTP/2 from the first byte. */
export function isHttp2(protocol: Protocol): boolean {
  return protocol === "HTTP2" || protocol === "GRPC" || protocol === "GRPC-Web";
}

function upstreamProtocol(
  protocol: Protocol,
  http: ConnectionPoolSettings["http"],
  sniffs: boolean,
): UpstreamHttp["protocol"] {
  if (http?.useClientProtocol) return "auto";
  if (isHttp2(protocol)) return "http2";
  if (http?.h2UpgradePolicy === "UPGRADE" && (protocol === "HTTP" || protocol === "Unsupported"))
    return "http2";
  return protocol === "Unsupported" && sniffs ? "auto" : "http1";
}

/**
 * HTTP towards a service port; undefined where Envoy's defaults (HTTP/1.1 without limits) are right.
 * `sniffs`: the proxy tells protocols of unnamed ports from the traffic, as sidecars do and gateways do not.
 */
export function buildUpstreamHttp(
  protocol: Protocol,
  pool: ConnectionPoolSettings | undefined,
  sniffs: boolean,
): UpstreamHttp | undefined {
  const chosen = upstreamProtocol(protocol, pool?.http, sniffs);
  const idleTimeoutMs = durationMs(pool?.http?.idleTimeout);
  const maxConnectionDurationMs = durationMs(pool?.tcp?.maxConnectionDuration);
  const maxRequests = pool?.http?.maxRequestsPerConnection ?? 0;
  const maxStreams = pool?.http?.maxConcurrentStreams ?? 0;
  const options = {
    ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
    ...(maxConnectionDurationMs === undefined ? {} : { maxConnectionDurationMs }),
    ...(maxRequests > 0 ? { maxRequestsPerConnection: maxRequests } : {}),
    ...(maxStreams > 0 && chosen !== "http1" ? { maxConcurrentStreams: maxStreams } : {}),
  };
  return chosen === "http1" && Object.keys(options).length === 0
    ? undefined
    : { protocol: chosen, ...options };
}
