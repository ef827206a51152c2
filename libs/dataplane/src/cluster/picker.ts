import type { PickContext, RetryPriority } from "../runtime/cluster.ts";
import type { LoadBalancerConfig } from "../runtime/cluster-config.ts";
import type { ClusterHost } from "./host.ts";
import { createLoadBalancer, type LoadBalancer } from "./load-balancer.ts";
import { computePriorityLoad, type PriorityHosts, type PriorityLoad } from "./priority.ts";

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
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** Chooses a priority, where asked a locality, then a host. Valid for one state of the hosts. */
export interface Picker {
  /** `attempt` counts from 0 how often a host was asked for in one choice. */
  pick(context: PickContext, attempt?: number): ClusterHost | undefined;
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
  const loadWithout = (excluded: ReadonlySet<number>) => {
    const isLeft = ({ healthy, degraded }: PriorityHosts, at: number) =>
      !excluded.has(at) && healthy.length + degraded.length > 0;
    return priorities.some(isLeft)
      ? computePriorityLoad(priorities, overprovisioningPercent, panicThreshold, excluded)
      : undefined;
  };
  const sources = levels.map((level, at) =>
    createSource(level, priorities[at], load.panic[at] === true, options),
  );

  const choose = (shares: PriorityLoad, at: number): Choose | undefined => {
    let left = at;
    for (const [level, share] of shares.healthy.entries()) {
      if (left < share) return sources[level]?.healthy;
      left -= share;
    }
    for (const [level, share] of shares.degraded.entries()) {
      if (left < share) return sources[level]?.degraded;
      left -= share;
    }
    // Rounding: the shares may add up to a little less than 100.
    return sources[0]?.healthy;
  };
  const single = sources.length === 1 && load.degraded[0] === 0 ? sources[0]?.healthy : undefined;
  return {
    panic: load.panic.some(Boolean),
    pick: (context, attempt = 0) => {
      if (single !== undefined) return single(context, attempt);
      // With a hash, one client's requests stay in one priority.
      const at = context.hash === undefined ? random() * 100 : Number(context.hash % 100n);
      const { retryPriority } = context;
      const shares = retryPriority === undefined ? load : withoutTried(retryPriority, load, loadWithout);
      return choose(shares, at)?.(context, attempt);
    },
  };
}

/**
 * The load once the priorities that were tried are left out. Where no other is available it begins anew.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/retry/priority/previous_priorities/v3/previous_priorities_config.proto
 */
function withoutTried(
  state: RetryPriority,
  load: PriorityLoad,
  loadWithout: (excluded: ReadonlySet<number>) => PriorityLoad | undefined,
): PriorityLoad {
  const { attempted, excluded, updateFrequency } = state;
  if (attempted.length < updateFrequency) return load;
  if (attempted.length % updateFrequency === 0) for (const priority of attempted) excluded.add(priority);
  const shares = loadWithout(excluded);
  if (shares !== undefined) return shares;
  excluded.clear();
  state.attempted = [];
  return load;
}

type Choose = (context: PickContext, attempt: number) => ClusterHost | undefined;

interface Source {
  readonly healthy: Choose;
  readonly degraded: Choose;
}

function createSource(
  level: readonly LocalityHosts[],
  hosts: PriorityHosts | undefined,
  panic: boolean,
  options: PickerOptions,
): Source {
  const { loadBalancer } = options;
  const over = (list: readonly ClusterHost[]): Choose => {
    let balancer: LoadBalancer | undefined;
    return (context, attempt) => {
      balancer ??= createLoadBalancer(loadBalancer, list, options);
      return balancer.pick(context, attempt);
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
  over: (list: readonly ClusterHost[]) => Choose,
  options: PickerOptions,
): Choose {
  const entries = level.flatMap(({ weight, hosts }) => {
    const available = hosts.filter(usable);
    if (available.length === 0 || weight === 0) return [];
    const share = Math.min(1, (options.overprovisioningPercent / 100) * (available.length / hosts.length));
    return [{ weight: weight * share, pick: over(available) }];
  });
  const total = entries.reduce((sum, { weight }) => sum + weight, 0);
  return (context, attempt) => {
    let left = options.random() * total;
    for (const { weight, pick } of entries) {
      if (left < weight) return pick(context, attempt);
      left -= weight;
    }
    return entries[0]?.pick(context, attempt);
  };
}
