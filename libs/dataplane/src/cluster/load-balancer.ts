import type { PickContext } from "../runtime/cluster.ts";
import type { LoadBalancerConfig } from "../runtime/cluster-config.ts";
import type { ClusterHost } from "./host.ts";
import { createMaglevBalancer } from "./maglev.ts";
import { createRingHashBalancer } from "./ring-hash.ts";
import { createSchedule } from "./schedule.ts";

/** Chooses among a fixed list of hosts; made anew when the list, a weight or a host's health changes. */
export interface LoadBalancer {
  /** Undefined only where there is no host. */
  pick(context: PickContext): ClusterHost | undefined;
}

/** Makes the balancer that a cluster asks for; `random` is uniform in [0, 1). */
export function createLoadBalancer(
  config: LoadBalancerConfig,
  hosts: readonly ClusterHost[],
  random: () => number,
): LoadBalancer {
  switch (config.kind) {
    case "round-robin":
      return createRoundRobin(hosts, random);
    case "random":
      return createRandom(hosts, random);
    case "least-request":
      return createLeastRequest(hosts, config.choices, random);
    case "ring-hash":
      return createRingHashBalancer(hosts, config, random);
    case "maglev":
      return createMaglevBalancer(hosts, config.tableSize, random);
    case "original-dst":
      throw new Error("an ORIGINAL_DST cluster has no list of hosts to balance over");
  }
}

const weightsDiffer = (hosts: readonly ClusterHost[]) =>
  hosts.some(({ weight }) => weight !== hosts[0]?.weight);

/** One after the other, from a random start so that proxies do not march in step; by weight where weights differ. */
function createRoundRobin(hosts: readonly ClusterHost[], random: () => number): LoadBalancer {
  if (weightsDiffer(hosts)) {
    const schedule = createSchedule(hosts, random);
    return { pick: () => schedule.next(({ weight }) => weight) };
  }
  let next = Math.floor(random() * hosts.length);
  return {
    pick: () => {
      if (next >= hosts.length) next = 0;
      return hosts[next++];
    },
  };
}

/** Any host with equal chance; Envoy's RANDOM knows no weights either. */
function createRandom(hosts: readonly ClusterHost[], random: () => number): LoadBalancer {
  return { pick: () => hosts[Math.floor(random() * hosts.length)] };
}

/**
 * The host with the fewest open requests of `choices` random ones. Where weights differ: by weight, lowered by the
 * open requests, as Envoy does with its default bias of 1.
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancers
 */
function createLeastRequest(
  hosts: readonly ClusterHost[],
  choices: number,
  random: () => number,
): LoadBalancer {
  if (weightsDiffer(hosts)) {
    const schedule = createSchedule(hosts, random);
    return { pick: () => schedule.next((host) => host.weight / (host.activeRequests + 1)) };
  }
  return {
    pick: () => {
      let best = hosts[Math.floor(random() * hosts.length)];
      for (let i = 1; i < choices && best !== undefined; i++) {
        const other = hosts[Math.floor(random() * hosts.length)];
        if (other !== undefined && other.activeRequests < best.activeRequests) best = other;
      }
      return best;
    },
  };
}
