import type { Cluster, Host } from "../runtime/cluster.ts";
import { ClusterTraffic } from "./cluster-traffic.ts";
import { HostPool, type PoolDependencies, type PoolProtocol } from "./host-pool.ts";

/** What is kept of a cluster while it is in use: its counters, and pools for each host. */
export interface ClusterPools {
  readonly traffic: ClusterTraffic;
  pool(host: Host, protocol: PoolProtocol): HostPool;
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

function keyOf({ kind, offered, downstream }: PoolProtocol): string {
  if (offered === undefined && downstream === undefined) return kind;
  const ends = downstream && [downstream.source, downstream.destination];
  return `${kind} ${offered?.join() ?? ""} ${ends?.map(({ address, port }) => `${address} ${port}`).join() ?? ""}`;
}

/** Pools of one host: what is offered in handshakes may come from requests, and must not add up without end. */
const maxPoolsPerHost = 8;

function createClusterPools(cluster: Cluster, dependencies: PoolDependencies): ClusterPools {
  const traffic = new ClusterTraffic(cluster);
  const hosts = new Map<Host, Map<string, HostPool>>();
  const drain = (host: Host) => {
    for (const pool of hosts.get(host)?.values() ?? []) pool.drain();
    hosts.delete(host);
  };
  cluster.onHostsRemoved((removed) => {
    for (const host of removed) drain(host);
  });
  cluster.retired.addEventListener("abort", () => {
    for (const host of [...hosts.keys()]) drain(host);
  });
  const open = (host: Host, protocol: PoolProtocol, key: string, pools: Map<string, HostPool>) => {
    const [oldest] = pools.keys();
    if (pools.size >= maxPoolsPerHost && oldest !== undefined) {
      pools.get(oldest)?.drain();
      pools.delete(oldest);
    }
    const pool = new HostPool(cluster, host, protocol, traffic, dependencies);
    if (cluster.retired.aborted) pool.drain();
    pools.set(key, pool);
    return pool;
  };
  return {
    traffic,
    pool(host, protocol) {
      let pools = hosts.get(host);
      if (pools === undefined) {
        pools = new Map();
        hosts.set(host, pools);
      }
      const key = keyOf(protocol);
      return pools.get(key) ?? open(host, protocol, key, pools);
    },
  };
}
