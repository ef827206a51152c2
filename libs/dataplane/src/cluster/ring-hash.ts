import { randomHash, xxHash64 } from "./hash.ts";
import type { ClusterHost } from "./host.ts";
import type { LoadBalancer } from "./load-balancer.ts";

/**
 * Ketama ring as Envoy builds it: each host owns points in proportion to its weight, the total the smallest number,
 * from the minimum to the maximum ring size, that gives the lightest host a whole point. Built at the first pick.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/load_balancing_policies/ring_hash/v3/ring_hash.proto
 */
export function createRingHashBalancer(
  hosts: readonly ClusterHost[],
  config: {
    readonly minimumRingSize: number;
    readonly maximumRingSize: number;
    readonly byHostname: boolean;
  },
  random: () => number,
): LoadBalancer {
  let ring: Ring | undefined;
  return {
    pick: ({ hash }, attempt = 0) => {
      if (hosts.length < 2) return hosts[0];
      ring ??= buildRing(hosts, config);
      // Without a hash policy, or a header it names, any host will do. A further attempt takes the ring's next point.
      const at = firstAtOrAfter(ring.points, hash ?? randomHash(random)) + attempt;
      return ring.hosts[at % ring.hosts.length];
    },
  };
}

interface Ring {
  readonly points: BigUint64Array;
  readonly hosts: readonly ClusterHost[];
}

function buildRing(
  hosts: readonly ClusterHost[],
  config: {
    readonly minimumRingSize: number;
    readonly maximumRingSize: number;
    readonly byHostname: boolean;
  },
): Ring {
  const total = hosts.reduce((sum, { weight }) => sum + weight, 0);
  const lightest = Math.min(...hosts.map(({ weight }) => weight)) / total;
  const scale = Math.min(Math.ceil(lightest * config.minimumRingSize) / lightest, config.maximumRingSize);
  const entries: { point: bigint; host: ClusterHost }[] = [];
  let current = 0;
  let target = 0;
  for (const host of hosts) {
    const key = hashKeyOf(host, config.byHostname);
    target += (scale * host.weight) / total;
    for (let i = 0; current < target; i++, current++) {
      entries.push({ point: xxHash64(`${key}_${i}`), host });
    }
  }
  entries.sort((a, b) => (a.point < b.point ? -1 : a.point > b.point ? 1 : 0));
  return {
    points: BigUint64Array.from(entries, ({ point }) => point),
    hosts: entries.map(({ host }) => host),
  };
}

/** What a host is placed by: `hash_key` of its metadata, its name, or its address. */
export function hashKeyOf(host: ClusterHost, byHostname: boolean): string {
  const lb = host.metadata["envoy.lb"] as { readonly hash_key?: unknown } | undefined; // a Struct
  if (typeof lb?.hash_key === "string" && lb.hash_key !== "") return lb.hash_key;
  return byHostname ? host.hostname : host.key;
}

function firstAtOrAfter(points: BigUint64Array, hash: bigint): number {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((points[middle] ?? 0n) < hash) low = middle + 1;
    else high = middle;
  }
  return low === points.length ? 0 : low;
}
