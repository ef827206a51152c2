import type { ClusterCounters, HostCounters } from "./admin-client.ts";

/** Requests of one workload to one version of a service, as the sender's proxy counted them. */
export interface Edge {
  /** `productpage-v1`, `ingress` */
  readonly from: string;
  /** `reviews` */
  readonly service: string;
  /** `v1`; several, joined by `,`, where no subset tells them apart; empty for pods without a version. */
  readonly version: string;
  readonly requests: number;
  readonly errors: number;
  /** Connections that the requests took, */
  readonly connections: number;
  /** and those of them that mutual TLS secures. */
  readonly secured: number;
  /** Milliseconds, since the proxy started. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
}

/** An {@link Edge}, with what happened since an earlier look. */
export interface EdgeChange extends Edge {
  readonly recentRequests: number;
  /** Share of the service's requests from this workload that this version got, 0 to 1; undefined where there were none. */
  readonly recentShare: number | undefined;
}

/** What one proxy's admin API said. */
export interface ProxySample {
  /** Name of the workload, as edges show it. */
  readonly from: string;
  readonly clusters: readonly ClusterCounters[];
  readonly hosts: readonly HostCounters[];
}

/** Turns what the proxies counted into edges, sorted. `versionOf` tells the version of the pod at an address. */
export function buildEdges(
  samples: readonly ProxySample[],
  versionOf: (address: string) => string | undefined,
): Edge[] {
  const edges = samples.flatMap(({ from, clusters, hosts }) =>
    clusters.map(({ cluster, ...counters }): Edge => {
      const [, , subset = "", hostname = ""] = cluster.split("|");
      return {
        from,
        service: hostname.split(".")[0] ?? hostname,
        version: subset === "" ? versionsOf(cluster, hosts, versionOf) : subset,
        ...counters,
      };
    }),
  );
  return [...Map.groupBy(edges, edgeKey).values()]
    .map(mergeEdges)
    .sort((a, b) => (edgeKey(a) < edgeKey(b) ? -1 : 1));
}

/**
 * One edge of several clusters that lead to the same version: routes with and without a subset. Quantiles cannot be added;
 * those of the busiest cluster stand for all.
 */
function mergeEdges(edges: readonly Edge[]): Edge {
  return edges.reduce((a, b) => ({
    ...(a.requests >= b.requests ? a : b),
    requests: a.requests + b.requests,
    errors: a.errors + b.errors,
    connections: a.connections + b.connections,
    secured: a.secured + b.secured,
  }));
}

function versionsOf(
  cluster: string,
  hosts: readonly HostCounters[],
  versionOf: (address: string) => string | undefined,
): string {
  const versions = hosts
    .filter((host) => host.cluster === cluster && host.requests > 0)
    .flatMap((host) => versionOf(host.address) ?? []);
  return [...new Set(versions)].sort().join(",");
}

/** What changed between two looks. A counter that is lower than before started over: its proxy is a new one. */
export function compareEdges(before: readonly Edge[], after: readonly Edge[]): EdgeChange[] {
  const earlier = new Map(before.map((edge) => [edgeKey(edge), edge.requests]));
  const recent = after.map((edge) => {
    const was = earlier.get(edgeKey(edge)) ?? 0;
    return edge.requests >= was ? edge.requests - was : edge.requests;
  });
  const totals = new Map<string, number>();
  after.forEach(({ from, service }, index) => {
    const key = `${from} ${service}`;
    totals.set(key, (totals.get(key) ?? 0) + (recent[index] ?? 0));
  });
  return after.map((edge, index) => {
    const total = totals.get(`${edge.from} ${edge.service}`) ?? 0;
    const recentRequests = recent[index] ?? 0;
    return { ...edge, recentRequests, recentShare: total === 0 ? undefined : recentRequests / total };
  });
}

function edgeKey({ from, service, version }: Edge): string {
  // The way a request goes: the ingress first.
  return `${from === "ingress" ? 0 : 1} ${from} ${service} ${version}`;
}

/**
 * Whether mutual TLS secures an edge: `yes`, `no`, or how many of its connections, as in `3 of 5`. One that is being
 * set up does not count against it.
 */
export function securityOf({ connections, secured }: Pick<Edge, "connections" | "secured">): string {
  if (secured === 0) return "no";
  return connections - secured <= 1 ? "yes" : `${secured} of ${connections}`;
}
