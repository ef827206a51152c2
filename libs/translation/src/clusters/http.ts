import type { ConnectionPoolSettings } from "@weft/istio-api";
import { isHttp, type Protocol } from "@weft/mesh-model";
import { durationMs } from "../durations.ts";
import type { UpstreamHttp } from "../ir/index.ts";

/** Whether servers of this protocol speak HTTP/2 from the first byte. */
export function isHttp2(protocol: Protocol): boolean {
  return protocol === "HTTP2" || protocol === "GRPC" || protocol === "GRPC-Web";
}

/** What HTTP towards a service depends on besides its port and its policy. */
export interface HttpOptions {
  /** The proxy tells protocols of unnamed ports from the traffic, as sidecars do and gateways do not. */
  readonly sniffs: boolean;
  /** HTTP/1.1 ports are spoken to in HTTP/2 where no rule says otherwise (the mesh's `h2UpgradePolicy`). */
  readonly upgrades?: boolean;
  /** Towards the own application, which speaks what its port says whatever clients were upgraded to. */
  readonly inbound?: boolean;
}

function upstreamProtocol(
  protocol: Protocol,
  http: ConnectionPoolSettings["http"],
  { sniffs, upgrades, inbound }: HttpOptions,
): UpstreamHttp["protocol"] {
  if (http?.useClientProtocol) return "auto";
  if (isHttp2(protocol)) return "http2";
  // Who asks for it in a rule knows what the servers speak; for the whole mesh only ports that are called HTTP are upgraded.
  const wanted = http?.h2UpgradePolicy ?? "DEFAULT";
  const upgrade = wanted === "DEFAULT" ? upgrades && isHttp(protocol) : wanted === "UPGRADE";
  if (upgrade && !inbound) return "http2";
  return protocol === "Unsupported" && sniffs ? "auto" : "http1";
}

/**
 * HTTP towards a service port; undefined where Envoy's defaults (HTTP/1.1 without limits) are right.
 */
export function buildUpstreamHttp(
  protocol: Protocol,
  pool: ConnectionPoolSettings | undefined,
  options: HttpOptions,
): UpstreamHttp | undefined {
  const chosen = upstreamProtocol(protocol, pool?.http, options);
  const idleTimeoutMs = durationMs(pool?.http?.idleTimeout ?? pool?.tcp?.idleTimeout);
  const maxConnectionDurationMs = durationMs(pool?.tcp?.maxConnectionDuration);
  const maxRequests = pool?.http?.maxRequestsPerConnection ?? 0;
  const maxStreams = pool?.http?.maxConcurrentStreams ?? 0;
  const pings = pool?.http?.http2KeepAlive;
  const intervalMs = durationMs(pings?.interval);
  const timeoutMs = durationMs(pings?.timeout);
  const keepalive = {
    ...(intervalMs === undefined ? {} : { intervalMs }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
  const settings = {
    ...(pings && chosen !== "http1" ? { keepalive } : {}),
    ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
    ...(maxConnectionDurationMs === undefined ? {} : { maxConnectionDurationMs }),
    ...(maxRequests > 0 ? { maxRequestsPerConnection: maxRequests } : {}),
    ...(maxStreams > 0 && chosen !== "http1" ? { maxConcurrentStreams: maxStreams } : {}),
  };
  return chosen === "http1" && Object.keys(settings).length === 0
    ? undefined
    : { protocol: chosen, ...settings };
}
