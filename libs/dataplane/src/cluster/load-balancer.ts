import type { PickContext } from "../runtime/cluster.ts";
import type { LoadBalancerConfig, SlowStartConfig } from "../runtime/cluster-config.ts";
import type { ClusterHost } from "./host.ts";
import { createMaglevBalancer } from "./maglev.ts";
import { createRingHashBalancer } from "./ring-hash.ts";
import { createSchedule } from "./schedule.ts";
import { anyInSlowStart, slowStartShare } from "./slow-start.ts";

/** Chooses among a fixed list of hosts; made anew when the list, a weight or a host's health changes. */
export interface LoadBalancer {
  /**
   * Undefined only where there is no host. `attempt` counts from 0 how often a host was asked for in one choice:
   * hash balancers give another one for another number.
   */
  pick(context: PickContext, attempt?: number): ClusterHost | undefined;
}

/** What balancers are given from outside. */
export interface BalancerDependencies {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** Makes the balancer that a cluster asks for. */
export function createLoadBalancer(
  config: LoadBalancerConfig,
  hosts: readonly ClusterHost[],
  dependencies: BalancerDependencies,
): LoadBalancer {
  const { random } = dependencies;
  switch (config.kind) {
    case "round-robin":
      return createRoundRobin(hosts, config.slowStart, dependencies);
    case "random":
      return createRandom(hosts, random);
    case "least-request":
      return createLeastRequest(hosts, config, dependencies);
    case "ring-hash":
      return createRingHashBalancer(hosts, config, random);
    case "maglev":
      return createMaglevBalancer(hosts, config, random);
    case "on-demand":
      throw new Error("a cluster that makes its hosts on demand has no list of them to balance over");
  }
}

const weightsDiffer = (hosts: readonly ClusterHost[]) =>
  hosts.some(({ weight }) => weight !== hosts[0]?.weight);

/** The weight of a host with its slow start; undefined where all hosts weigh the same for good. */
function weightFunction(
  hosts: readonly ClusterHost[],
  slowStart: SlowStartConfig | undefined,
  now: () => number,
): ((host: ClusterHost) => number) | undefined {
  if (slowStart !== undefined && anyInSlowStart(slowStart, hosts, now()))
    return (host) => host.weight * slowStartShare(slowStart, host, now());
  return weightsDiffer(hosts) ? ({ weight }) => weight : undefined;
}

/** One after the other, from a random start so that proxies do not march in step; by weight where weights differ. */
function createRoundRobin(
  hosts: readonly ClusterHost[],
  slowStart: SlowStartConfig | undefined,
  { random, now }: BalancerDependencies,
): LoadBalancer {
  const weightOf = weightFunction(hosts, slowStart, now);
  if (weightOf !== undefined) {
    const schedule = createSchedule(hosts, random);
    return { pick: () => schedule.next(weightOf) };
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
 * open requests to the power of the bias.
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancers
 */
function createLeastRequest(
  hosts: readonly ClusterHost[],
  { choices, activeRequestBias, slowStart }: Extract<LoadBalancerConfig, { kind: "least-request" }>,
  { random, now }: BalancerDependencies,
): LoadBalancer {
  const weightOf = weightFunction(hosts, slowStart, now);
  if (weightOf !== undefined) {
    const schedule = createSchedule(hosts, random);
    return {
      pick: () => schedule.next((host) => weightOf(host) / (host.activeRequests + 1) ** activeRequestBias),
    };
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
