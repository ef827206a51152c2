import type { DnsCacheConfig as DnsCacheMessage } from "@weft/envoy-api/envoy/extensions/common/dynamic_forward_proxy/v3/dns_cache_pb.js";
import type { DnsCache, DnsCaches } from "../dns-cache/index.ts";
import { familyOf } from "./dns-family.ts";
import type { Problems } from "./problems.ts";
import { durationMs } from "./values.ts";

/** Finds, or makes, the cache that a cluster or filter names. */
export function compileDnsCache(
  message: DnsCacheMessage | undefined,
  path: string,
  caches: DnsCaches,
  problems: Problems,
): DnsCache | undefined {
  if (message === undefined) {
    problems.error(path, "missing", "a cache is needed: sub clusters are not implemented");
    return undefined;
  }
  const cache = caches.get({
    name: message.name,
    family: familyOf(message.dnsLookupFamily),
    refreshMs: durationMs(message.dnsRefreshRate, 60_000),
    hostTtlMs: durationMs(message.hostTtl, 300_000),
    maxHosts: message.maxHosts ?? 1024,
    queryTimeoutMs: durationMs(message.dnsQueryTimeout, 5000),
    maxPending: message.dnsCacheCircuitBreaker?.maxPendingRequests ?? 1024,
    preresolved: message.preresolveHostnames.map(({ address }) => address),
  });
  if (cache === undefined) {
    problems.error(path, "conflict", `config specified DNS cache '${message.name}' with different settings`);
  }
  return cache;
}
