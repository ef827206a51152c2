import { ringHash } from "./hash.ts";
import type { ClusterHost } from "./host.ts";
import type { LoadBalancer } from "./load-balancer.ts";

/**
 * Ketama ring as Envoy builds it: each host owns points in proportion to its weight, the total the smallest number,
 * from the minimum to the maximum ring size, that gives the lightest host a whole point. Built at the first pick.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/load_balancing_policies/ring_hash/v3/ring_hash.proto
 */
export function createRingHashBalancer(
  hosts: readonly ClusterHost[],
  sizes: { readonly minimumRingSize: number; readonly maximumRingSize: number },
  random: () => number,
): LoadBalancer {
  let ring: Ring | undefined;
  return {
    pick: ({ hash }) => {
      if (hosts.length < 2) return hosts[0];
      // Without a hash policy, or a header it names, any host will do.
      if (hash === undefined) return hosts[Math.floor(random() * hosts.length)];
      ring ??= buildRing(hosts, sizes.minimumRingSize, sizes.maximumRingSize);
      return ring.hosts[firstAtOrAfter(ring.points, hash)];
    },
  };
}

interface Ring {
  readonly points: Float64Array;
  readonly hosts: readonly ClusterHost[];
}

function buildRing(hosts: readonly ClusterHost[], minimum: number, maximum: number): Ring {
  const total = hosts.reduce((sum, { weight }) => sum + weight, 0);
  const lightest = Math.min(...hosts.map(({ weight }) => weight)) / total;
  const scale = Math.min(Math.ceil(lightest * minimum) / lightest, maximum);
  const entries: { point: number; host: ClusterHost }[] = [];
  let current = 0;
  let target = 0;
  for (const host of hosts) {
    target += (scale * host.weight) / total;
    for (let i = 0; current < target; i++, current++) {
      entries.push({ point: ringHash(`${host.key}_${i}`), host });
    }
  }
  entries.sort((a, b) => a.point - b.point);
  return { points: Float64Array.from(entries, ({ point }) => point), hosts: entries.map(({ host }) => host) };
}

function firstAtOrAfter(points: Float64Array, hash: number): number {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((points[middle] ?? 0) < hash) low = middle + 1;
    else high = middle;
  }
  return low === points.length ? 0 : low;
}
