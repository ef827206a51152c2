import type { Cluster, Host } from "../runtime/cluster.ts";
import { ClusterTraffic } from "./cluster-traffic.ts";
import { HostPool, type PoolDependencies } from "./host-pool.ts";

/** What is kept of a cluster while it is in use: its counters, and a pool for each host. */
export interface ClusterPools {
  readonly traffic: ClusterTraffic;
  pool(host: Host): HostPool;
}

/** The pools of all clusters. A pool goes when its host leaves, all of a cluster's when it is replaced. */
export interface UpstreamPools {
  of(cluster: Cluster): ClusterPools;
}

/** Creates pools as clusters are first used. */
export function createUpstreamPools(dependencies: PoolDependencies): UpstreamPools {
  const known = new WeakMap<Cluster, ClusterPools>();
  return {
    of(cluster) {
      let pools = known.get(cluster);
      if (pools === undefined) {
        pools = createClusterPools(cluster, dependencies);
        known.set(cluster, pools);
      }
      return pools;
    },
  };
}

function createClusterPools(cluster: Cluster, dependencies: PoolDependencies): ClusterPools {
  const traffic = new ClusterTraffic(cluster);
  const pools = new Map<Host, HostPool>();
  cluster.onHostsRemoved((hosts) => {
    for (const host of hosts) {
      pools.get(host)?.drain();
      pools.delete(host);
    }
  });
  cluster.retired.addEventListener("abort", () => {
    for (const pool of pools.values()) pool.drain();
    pools.clear();
  });
  return {
    traffic,
    pool(host) {
      let pool = pools.get(host);
      if (pool === undefined) {
        pool = new HostPool(cluster, host, traffic, dependencies);
        if (cluster.retired.aborted) pool.drain();
        pools.set(host, pool);
      }
      return pool;
    },
  };
}
