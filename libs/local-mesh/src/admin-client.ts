/** What a proxy's admin API says of one of its outbound clusters, counted since the proxy started. */
export interface ClusterCounters {
  /** `outbound|9080|v1|reviews.default.svc.cluster.local` */
  readonly cluster: string;
  readonly requests: number;
  /** Of these, answered 5xx, by the upstream or in its place. */
  readonly errors: number;
  /** Connections that came about, */
  readonly connections: number;
  /** and those of them that TLS secures. */
  readonly secured: number;
  /** Milliseconds; undefined where nothing was answered yet. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
}

/** Requests by the address they went to. */
export interface HostCounters {
  readonly cluster: string;
  readonly address: string;
  readonly requests: number;
}

const timeoutMs = 2_000;

/** Asks a proxy's admin API, `host:port`, for a path. Rejects where it does not answer 200 in two seconds. */
export async function adminGet(admin: string, path: string): Promise<string> {
  const response = await fetch(`http://${admin}${path}`, { signal: AbortSignal.timeout(timeoutMs) });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${admin}${path} answered ${response.status}`);
  return text;
}

/** Counters of the clusters that a proxy has sent requests to. */
export async function readClusterCounters(admin: string): Promise<ClusterCounters[]> {
  const filter = encodeURIComponent(
    "^cluster\\.outbound.*(upstream_rq_(completed|5xx|time)|upstream_cx_(total|connect_fail)|ssl\\.handshake)$",
  );
  return parseClusterCounters(await adminGet(admin, `/stats?format=json&filter=${filter}`));
}

/** Requests by host of the clusters that a proxy knows. */
export async function readHostCounters(admin: string): Promise<HostCounters[]> {
  return parseHostCounters(await adminGet(admin, "/clusters?format=json"));
}

interface StatsJson {
  readonly stats: readonly {
    readonly name?: string;
    readonly value?: number;
    readonly histograms?: {
      readonly supported_quantiles: readonly number[];
      readonly computed_quantiles: readonly {
        readonly name: string;
        readonly values: readonly { readonly cumulative: number | null }[];
      }[];
    };
  }[];
}

// Istio ends a cluster's name with `;` in stats, so that its dots are not taken for separators.
const statName =
  /^cluster\.(outbound\|[^;]*?);?\.(upstream_rq_completed|upstream_rq_5xx|upstream_rq_time|upstream_cx_total|upstream_cx_connect_fail|ssl\.handshake)$/;

interface Counted {
  requests: number;
  errors: number;
  connections: number;
  secured: number;
  p50: number | undefined;
  p99: number | undefined;
}

const counters: Readonly<Record<string, (counted: Counted, value: number) => void>> = {
  upstream_rq_completed: (counted, value) => {
    counted.requests = value;
  },
  upstream_rq_5xx: (counted, value) => {
    counted.errors = value;
  },
  upstream_cx_total: (counted, value) => {
    counted.connections += value;
  },
  upstream_cx_connect_fail: (counted, value) => {
    counted.connections -= value;
  },
  "ssl.handshake": (counted, value) => {
    counted.secured = value;
  },
};

/** Reads `/stats?format=json` of Envoy, or of Weft's proxy. https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--stats */
export function parseClusterCounters(text: string): ClusterCounters[] {
  const found = new Map<string, Counted>();
  const of = (cluster: string) => {
    const nothing = { requests: 0, errors: 0, connections: 0, secured: 0, p50: undefined, p99: undefined };
    const known = found.get(cluster) ?? nothing;
    found.set(cluster, known);
    return known;
  };
  for (const { name = "", value = 0, histograms } of (JSON.parse(text) as StatsJson).stats) {
    const [, cluster, what] = statName.exec(name) ?? [];
    if (cluster !== undefined && what !== undefined) counters[what]?.(of(cluster), value);
    for (const { name, values } of histograms?.computed_quantiles ?? []) {
      const [, cluster] = statName.exec(name) ?? [];
      if (cluster === undefined) continue;
      const at = (quantile: number) =>
        values[histograms?.supported_quantiles.indexOf(quantile) ?? -1]?.cumulative;
      Object.assign(of(cluster), { p50: at(50) ?? undefined, p99: at(99) ?? undefined });
    }
  }
  return [...found]
    .filter(([, counters]) => counters.requests > 0)
    .map(([cluster, counters]) => ({ cluster, ...counters }));
}

interface ClustersJson {
  readonly cluster_statuses?: readonly {
    readonly name: string;
    readonly host_statuses?: readonly {
      readonly address?: { readonly socket_address?: { readonly address?: string } };
      readonly stats?: readonly { readonly name?: string; readonly value?: string | number }[];
    }[];
  }[];
}

/** Reads `/clusters?format=json`. https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--clusters */
export function parseHostCounters(text: string): HostCounters[] {
  return ((JSON.parse(text) as ClustersJson).cluster_statuses ?? [])
    .filter(({ name }) => name.startsWith("outbound|"))
    .flatMap(({ name, host_statuses = [] }) =>
      host_statuses.map(({ address, stats = [] }) => ({
        cluster: name,
        address: address?.socket_address?.address ?? "",
        requests: Number(stats.find((stat) => stat.name === "rq_total")?.value ?? 0),
      })),
    );
}
