export { type ClusterDependencies, RunningCluster } from "./cluster.ts";
export { type Resolver, systemResolver } from "./dns.ts";
export { xxHash64 } from "./hash.ts";
export { ClusterHost } from "./host.ts";
export { type ClusterManager, createClusterManager } from "./manager.ts";
