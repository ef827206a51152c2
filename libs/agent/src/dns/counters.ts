import type { Metrics } from "@weft/observability";

/** A distribution as plain numbers, until somebody asks. */
export interface PlainHistogram {
  /** Upper bounds, ascending. */
  readonly boundaries: readonly number[];
  /** Values in each bucket; the last is above all bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
  record(value: number): void;
}

/** What the DNS proxy counts. */
export interface DnsCounters {
  requests: number;
  upstreamRequests: number;
  upstreamFailures: number;
  /** Seconds. */
  readonly upstreamDuration: PlainHistogram;
}

/** Istio's bounds of the time that a query upstream takes, in seconds. */
const boundaries: readonly number[] = [0.001, 0.005, 0.01, 0.1, 1, 5];

/** Counters at zero. */
export function createDnsCounters(): DnsCounters {
  const counts = new Array<number>(boundaries.length + 1).fill(0);
  let sum = 0;
  return {
    requests: 0,
    upstreamRequests: 0,
    upstreamFailures: 0,
    upstreamDuration: {
      boundaries,
      counts,
      get sum() {
        return sum;
      },
      record: (value) => {
        const bucket = boundaries.findIndex((bound) => value <= bound);
        const index = bucket < 0 ? boundaries.length : bucket;
        counts[index] = (counts[index] ?? 0) + 1;
        sum += value;
      },
    },
  };
}

/** Makes them metrics, under the names of Istio's agent. */
export function observeDns(metrics: Metrics, counters: DnsCounters): void {
  const observe = (name: string, help: string, read: () => number) =>
    metrics.observedCounter(`istio_agent_${name}`, help, (report) => report(read()));
  observe("dns_requests_total", "DNS queries.", () => counters.requests);
  observe(
    "dns_upstream_requests_total",
    "DNS queries for names that the mesh does not know.",
    () => counters.upstreamRequests,
  );
  observe(
    "dns_upstream_failures_total",
    "DNS queries that no server answered.",
    () => counters.upstreamFailures,
  );
}

/** A histogram in Prometheus' text format. */
export function histogramText(name: string, help: string, histogram: PlainHistogram): string {
  let total = 0;
  const buckets = histogram.counts.map((count, index) => {
    total += count;
    return `${name}_bucket{le="${histogram.boundaries[index] ?? "+Inf"}"} ${total}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} histogram\n${buckets.join("")}${name}_sum ${histogram.sum}\n${name}_count ${total}\n`;
}
