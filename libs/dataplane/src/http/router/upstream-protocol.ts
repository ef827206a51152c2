import type { Cluster } from "../../runtime/cluster.ts";
import type { HttpProtocol } from "../../runtime/request.ts";
import type { PoolProtocol } from "../../upstream/host-pool.ts";

/** What a request is to be sent by: its cluster's protocol, or that which it came in with. */
export function upstreamProtocol(
  { protocol }: Cluster,
  downstream: HttpProtocol | undefined,
  offered: readonly string[] | undefined,
): PoolProtocol {
  const kind = protocol !== "downstream" ? protocol : downstream === "HTTP/2" ? "http2" : "http1";
  return offered === undefined ? plain[kind] : { kind, offered };
}

const plain = { http1: { kind: "http1" }, http2: { kind: "http2" }, auto: { kind: "auto" } } as const;
