import type { Cluster } from "../../runtime/cluster.ts";
import type { ConnectionInfo } from "../../runtime/connection.ts";
import type { HttpProtocol } from "../../runtime/request.ts";
import type { PoolProtocol } from "../../upstream/host-pool.ts";

/**
 * What a request is to be sent by: its cluster's protocol, or that which it came in with. `connection` is the one that
 * it came in on, for upstreams that are told of it; absent where the proxy itself asks.
 */
export function upstreamProtocol(
  { protocol, tellsDownstream }: Cluster,
  downstream: HttpProtocol | undefined,
  offered: readonly string[] | undefined,
  connection?: ConnectionInfo,
): PoolProtocol {
  const kind = protocol !== "downstream" ? protocol : downstream === "HTTP/2" ? "http2" : "http1";
  if (tellsDownstream && connection !== undefined) {
    const { remoteAddress: source, localAddress: destination } = connection;
    return { kind, offered, downstream: { source, destination } };
  }
  return offered === undefined ? plain[kind] : { kind, offered };
}

const plain = { http1: { kind: "http1" }, http2: { kind: "http2" }, auto: { kind: "auto" } } as const;
