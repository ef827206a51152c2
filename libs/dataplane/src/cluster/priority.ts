import type { ClusterHost } from "./host.ts";

const noneExcluded: ReadonlySet<number> = new Set();

/** The hosts of one priority, by how they may be used. */
export interface PriorityHosts {
  readonly all: readonly ClusterHost[];
  readonly healthy: readonly ClusterHost[];
  readonly degraded: readonly ClusterHost[];
}

/** What share of the requests each priority gets. */
export interface PriorityLoad {
  /** Percent to healthy hosts, by priority. With `degraded` these add up to 100, unless there is no host at all. */
  readonly healthy: readonly number[];
  /** Percent to degraded hosts, by priority. */
  readonly degraded: readonly number[];
  /** Priorities so unhealthy that health is disregarded in them. */
  readonly panic: readonly boolean[];
}

/**
 * Spreads load over priorities: a priority counts as wholly available while `overprovisioning` times its available
 * share reaches 100 %; priorities that are `excluded` count as having no host available; what it cannot take spills over to the next one, and only then to degraded hosts.
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/priority
 */
export function computePriorityLoad(
  priorities: readonly PriorityHosts[],
  overprovisioningPercent: number,
  panicThreshold: number,
  excluded: ReadonlySet<number> = noneExcluded,
): PriorityLoad {
  const availability = (available: readonly ClusterHost[], all: readonly ClusterHost[]) =>
    all.length === 0
      ? 0
      : Math.min(100, Math.floor((overprovisioningPercent * available.length) / all.length));
  const healthyShare = priorities.map(({ healthy, all }, at) =>
    excluded.has(at) ? 0 : availability(healthy, all),
  );
  const degradedShare = priorities.map(({ degraded, all }, at) =>
    excluded.has(at) ? 0 : availability(degraded, all),
  );
  const sum = (shares: readonly number[]) => shares.reduce((total, share) => total + share, 0);
  const total = Math.min(100, sum(healthyShare) + sum(degradedShare));

  const panic = priorities.map(({ all, healthy, degraded }) => {
    if (total === 100) return false;
    return all.length === 0 || (100 * (healthy.length + degraded.length)) / all.length < panicThreshold;
  });
  if (total === 0 || panic.every(Boolean)) {
    // Nothing to go by but the number of hosts.
    const hosts = sum(priorities.map(({ all }) => all.length));
    return {
      healthy: distribute(
        priorities.map(({ all }) => (hosts === 0 ? 0 : (100 * all.length) / hosts)),
        100,
        100,
      ).shares,
      degraded: priorities.map(() => 0),
      panic,
    };
  }
  const first = distribute(healthyShare, total, 100);
  const second = distribute(degradedShare, total, first.left);
  const firstUsed = first.shares.findIndex((share) => share > 0);
  const healthy = first.shares.map((share, at) => (at === firstUsed ? share + second.left : share));
  return { healthy, degraded: second.shares, panic };
}

function distribute(
  available: readonly number[],
  total: number,
  load: number,
): { shares: number[]; left: number } {
  let left = load;
  const shares = available.map((share) => {
    const taken = Math.min(left, (share * 100) / total);
    left -= taken;
    return taken;
  });
  return { shares, left };
}
