import type { Cluster, ClusterSet } from "../runtime/cluster.ts";
import type { Assignment, ClusterConfig } from "../runtime/cluster-config.ts";
import type { StatsStore } from "../stats/index.ts";
import { holdBackMs, type SecretStore } from "../tls/index.ts";
import { type ClusterDependencies, RunningCluster } from "./cluster.ts";

/** All clusters of the proxy: those in use, and those that wait for their endpoints. */
export interface ClusterManager extends ClusterSet {
  get(name: string): Cluster | undefined;
  /** Adds or replaces a cluster. Equal configuration changes nothing. The version in use stays until the new one is warm. */
  upsert(config: ClusterConfig): void;
  /** Removes a cluster; its connections drain. */
  remove(name: string): void;
  /** New endpoints for every EDS cluster with that service name; remembered for clusters still to come. */
  setAssignment(serviceName: string, assignment: Assignment): void;
  /** Forgets what was remembered under a service name; clusters keep the hosts they have. */
  forgetAssignment(serviceName: string): void;
  /** In use, by name. */
  readonly active: ReadonlyMap<string, RunningCluster>;
  /** Waiting, by name. */
  readonly warming: ReadonlyMap<string, RunningCluster>;
  /** Service names of all EDS clusters, warming ones included. */
  serviceNames(): Set<string>;
  /** Calls `fn` once when no cluster is warming: now, if so already. */
  whenWarm(fn: () => void): void;
  close(): void;
}

/** Creates a manager without clusters. */
export function createClusterManager(
  dependencies: ClusterDependencies & { readonly stats: StatsStore; readonly secrets: SecretStore },
): ClusterManager {
  const { stats, clock } = dependencies;
  const active = new Map<string, RunningCluster>();
  const warming = new Map<string, RunningCluster>();
  const assignments = new Map<string, Assignment>();
  const fetchTimers = new Map<RunningCluster, () => void>();
  let waiting: (() => void)[] = [];
  const scope = stats.scope("cluster_manager");

  const count = () => {
    scope.gauge("active_clusters").set(active.size);
    scope.gauge("warming_clusters").set(warming.size);
  };
  const retire = (cluster: RunningCluster) => {
    fetchTimers.get(cluster)?.();
    fetchTimers.delete(cluster);
    cluster.close();
  };
  const settle = () => {
    count();
    if (warming.size > 0) return;
    const ready = waiting;
    waiting = [];
    for (const fn of ready) fn();
  };
  /** Uses a cluster that is warm, once its secrets are there or were waited for in vain. */
  const promote = (cluster: RunningCluster) => {
    const { secrets } = cluster.config;
    let ready = false;
    const giveUp = dependencies.secrets.whenReady(secrets, () => {
      ready = true;
      use(cluster);
    });
    if (ready) return;
    const cancel = clock.after(holdBackMs(secrets), () => {
      giveUp();
      use(cluster);
    });
    cluster.retired.addEventListener("abort", () => {
      giveUp();
      cancel();
    });
  };
  const use = (cluster: RunningCluster) => {
    if (warming.get(cluster.name) !== cluster) return;
    fetchTimers.get(cluster)?.();
    fetchTimers.delete(cluster);
    warming.delete(cluster.name);
    const before = active.get(cluster.name);
    active.set(cluster.name, cluster);
    if (before !== undefined) retire(before);
    settle();
  };
  const start = (cluster: RunningCluster) => {
    const { discovery } = cluster.config;
    if (discovery.kind !== "eds") return;
    const known = assignments.get(discovery.serviceName);
    if (known !== undefined) {
      cluster.setAssignment(known);
    } else if (discovery.initialFetchTimeoutMs > 0) {
      const cancel = clock.after(discovery.initialFetchTimeoutMs, () => {
        cluster.stats.counter("init_fetch_timeout").inc();
        cluster.markWarm();
      });
      fetchTimers.set(cluster, cancel);
    }
  };
  const remove = (name: string) => {
    const found = [active.get(name), warming.get(name)].filter((cluster) => cluster !== undefined);
    if (found.length === 0) return;
    active.delete(name);
    warming.delete(name);
    for (const cluster of found) {
      retire(cluster);
      stats.remove(`cluster.${cluster.observabilityName}.`);
    }
    scope.counter("cluster_removed").inc();
    settle();
  };

  return {
    active,
    warming,
    get: (name) => active.get(name),
    upsert(config) {
      const present = warming.get(config.name) ?? active.get(config.name);
      if (present?.config.version === config.version) return;
      scope.counter(present === undefined ? "cluster_added" : "cluster_modified").inc();
      const replaced = warming.get(config.name);
      if (replaced !== undefined) retire(replaced);
      let started: RunningCluster | undefined;
      const cluster = new RunningCluster(config, dependencies, () => {
        // A static cluster is warm before its constructor returns; it is promoted below.
        if (started !== undefined) promote(started);
      });
      started = cluster;
      warming.set(config.name, cluster);
      if (cluster.warm) promote(cluster);
      else start(cluster);
      count();
    },
    remove,
    setAssignment(serviceName, assignment) {
      assignments.set(serviceName, assignment);
      for (const clusters of [active, warming]) {
        for (const cluster of [...clusters.values()]) {
          const { discovery } = cluster.config;
          if (discovery.kind === "eds" && discovery.serviceName === serviceName)
            cluster.setAssignment(assignment);
        }
      }
    },
    forgetAssignment(serviceName) {
      assignments.delete(serviceName);
    },
    serviceNames() {
      const names = new Set<string>();
      for (const clusters of [active, warming]) {
        for (const { config } of clusters.values()) {
          if (config.discovery.kind === "eds") names.add(config.discovery.serviceName);
        }
      }
      return names;
    },
    whenWarm(fn) {
      if (warming.size === 0) fn();
      else waiting.push(fn);
    },
    close() {
      for (const cluster of [...active.values(), ...warming.values()]) retire(cluster);
      active.clear();
      warming.clear();
      waiting = [];
    },
  };
}
