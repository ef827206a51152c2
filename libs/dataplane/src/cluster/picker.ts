import type { PickContext } from "../runtime/cluster.ts";
import type { LoadBalancerConfig } from "../runtime/cluster-config.ts";
import type { ClusterHost } from "./host.ts";
import { createLoadBalancer, type LoadBalancer } from "./load-balancer.ts";
import { computePriorityLoad, type PriorityHosts } from "./priority.ts";

/** The hosts of one locality at one priority. */
export interface LocalityHosts {
  readonly priority: number;
  readonly weight: number;
  readonly hosts: readonly ClusterHost[];
}

/** How a cluster balances. */
export interface PickerOptions {
  readonly loadBalancer: LoadBalancerConfig;
  readonly localityWeighted: boolean;
  readonly overprovisioningPercent: number;
  readonly panicThreshold: number;
  readonly failTrafficOnPanic: boolean;
  readonly random: () => number;
}

/** Chooses a priority, where asked a locality, then a host. Valid for one state of the hosts. */
export interface Picker {
  pick(context: PickContext): ClusterHost | undefined;
  /** True where some priority disregards health. */
  readonly panic: boolean;
}

/** Compiles the present state of the hosts into a {@link Picker}. Balancers are made when first needed. */
export function createPicker(localities: readonly LocalityHosts[], options: PickerOptions): Picker {
  const { random, overprovisioningPercent, panicThreshold } = options;
  const count = localities.reduce((most, { priority }) => Math.max(most, priority + 1), 0);
  const levels = Array.from({ length: count }, (_, level) => localities.filter((l) => l.priority === level));
  const priorities: PriorityHosts[] = levels.map((level) => {
    const all = level.flatMap(({ hosts }) => hosts);
    return {
      all,
      healthy: all.filter((host) => host.healthy),
      degraded: all.filter((host) => host.degraded),
    };
  });
  const load = computePriorityLoad(priorities, overprovisioningPercent, panicThreshold);
  const sources = levels.map((level, at) =>
    createSource(level, priorities[at], load.panic[at] === true, options),
  );

  const choose = (at: number): ((context: PickContext) => ClusterHost | undefined) | undefined => {
    let left = at;
    for (const [level, share] of load.healthy.entries()) {
      if (left < share) return sources[level]?.healthy;
      left -= share;
    }
    for (const [level, share] of load.degraded.entries()) {
      if (left < share) return sources[level]?.degraded;
      left -= share;
    }
    // Rounding: the shares may add up to a little less than 100.
    return sources[0]?.healthy;
  };
  const single = sources.length === 1 && load.degraded[0] === 0 ? sources[0]?.healthy : undefined;
  return {
    panic: load.panic.some(Boolean),
    pick: (context) => {
      if (single !== undefined) return single(context);
      // With a hash, one client's requests stay in one priority.
      const at = context.hash === undefined ? random() * 100 : context.hash % 100;
      return choose(at)?.(context);
    },
  };
}

interface Source {
  readonly healthy: (context: PickContext) => ClusterHost | undefined;
  readonly degraded: (context: PickContext) => ClusterHost | undefined;
}

function createSource(
  level: readonly LocalityHosts[],
  hosts: PriorityHosts | undefined,
  panic: boolean,
  options: PickerOptions,
): Source {
  const { loadBalancer, random } = options;
  const over = (list: readonly ClusterHost[]) => {
    let balancer: LoadBalancer | undefined;
    return (context: PickContext) => {
      balancer ??= createLoadBalancer(loadBalancer, list, random);
      return balancer.pick(context);
    };
  };
  if (panic) {
    const anyHost = options.failTrafficOnPanic ? () => undefined : over(hosts?.all ?? []);
    return { healthy: anyHost, degraded: anyHost };
  }
  if (!options.localityWeighted)
    return { healthy: over(hosts?.healthy ?? []), degraded: over(hosts?.degraded ?? []) };
  return {
    healthy: overLocalities(level, (host) => host.healthy, over, options),
    degraded: overLocalities(level, (host) => host.degraded, over, options),
  };
}

/**
 * Chooses a locality by its weight, lowered by the share of its hosts that is not available beyond the
 * overprovisioning factor. https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/locality_weight
 */
function overLocalities(
  level: readonly LocalityHosts[],
  usable: (host: ClusterHost) => boolean,
  over: (list: readonly ClusterHost[]) => (context: PickContext) => ClusterHost | undefined,
  options: PickerOptions,
): (context: PickContext) => ClusterHost | undefined {
  const entries = level.flatMap(({ weight, hosts }) => {
    const available = hosts.filter(usable);
    if (available.length === 0 || weight === 0) return [];
    const share = Math.min(1, (options.overprovisioningPercent / 100) * (available.length / hosts.length));
    return [{ weight: weight * share, pick: over(available) }];
  });
  const total = entries.reduce((sum, { weight }) => sum + weight, 0);
  return (context) => {
    let left = options.random() * total;
    for (const { weight, pick } of entries) {
      if (left < weight) return pick(context);
      left -= weight;
    }
    return entries[0]?.pick(context);
  };
}
