import { createMetrics, type Metrics } from "@weft/observability";
import { type DnsCounters, histogramText, observeDns } from "../dns/counters.ts";
import type { SecretsStats } from "../secrets/secrets.ts";

/** What the agent counts, as plain numbers: they are turned into metrics only when somebody asks. */
export interface AgentCounters {
  /** Requests of the proxy handed on to pilot. */
  xdsRequests: number;
  /** Responses handed to the proxy. */
  xdsResponses: number;
  /** Attempts to reach pilot that failed. */
  pilotConnectionFailures: number;
  /** Streams to pilot that ended after they had begun. */
  pilotConnectionTerminations: number;
  /** Streams of the proxy that ended. */
  proxyConnectionTerminations: number;
  /** Scrapes of all metrics together. */
  scrapes: number;
  /** Scrapes that failed, by what was scraped. */
  readonly scrapeFailures: { proxy: number; application: number };
}

/** Counters at zero. */
export function createAgentCounters(): AgentCounters {
  return {
    xdsRequests: 0,
    xdsResponses: 0,
    pilotConnectionFailures: 0,
    pilotConnectionTerminations: 0,
    proxyConnectionTerminations: 0,
    scrapes: 0,
    scrapeFailures: { proxy: 0, application: 0 },
  };
}

/** Metrics of the agent, as text. */
export type AgentMetrics = Pick<Metrics, "text" | "close">;

/** Makes the counters metrics, under the names of Istio's agent. */
export async function createAgentMetrics(
  counters: AgentCounters,
  more: {
    readonly readyAfter: () => number;
    readonly restarts: () => number;
    /** Undefined where no certificate is served. */
    readonly secrets: () => SecretsStats | undefined;
    /** Undefined where no DNS query is answered. */
    readonly dns: () => DnsCounters | undefined;
  },
): Promise<AgentMetrics> {
  const metrics = await createMetrics();
  const observe = (name: string, help: string, read: () => number) =>
    metrics.observedCounter(`istio_agent_${name}`, help, (report) => report(read()));
  observe("xds_proxy_requests", "Xds requests of the proxy.", () => counters.xdsRequests);
  observe("xds_proxy_responses", "Xds responses to the proxy.", () => counters.xdsResponses);
  observe(
    "istiod_connection_failures",
    "Failed connections to pilot.",
    () => counters.pilotConnectionFailures,
  );
  observe(
    "istiod_connection_terminations",
    "Ended connections to pilot.",
    () => counters.pilotConnectionTerminations,
  );
  observe(
    "envoy_connection_terminations",
    "Ended connections of the proxy.",
    () => counters.proxyConnectionTerminations,
  );
  observe("proxy_restarts_total", "Times the proxy was started again.", more.restarts);
  observe("scrapes_total", "Scrapes of all metrics together.", () => counters.scrapes);
  metrics.observedCounter("istio_agent_scrape_failures_total", "Failed scrapes, by type.", (report) => {
    report(counters.scrapeFailures.proxy, { type: "envoy" });
    report(counters.scrapeFailures.application, { type: "application" });
  });
  const csr = { request_type: "csr" };
  metrics.observedCounter("istio_agent_num_outgoing_requests", "Requests to the CA.", (report) => {
    const stats = more.secrets();
    if (stats !== undefined) report(stats.requests, csr);
  });
  metrics.observedCounter(
    "istio_agent_num_failed_outgoing_requests",
    "Requests to the CA that failed.",
    (report) => {
      const stats = more.secrets();
      if (stats !== undefined) report(stats.failures, csr);
    },
  );
  metrics.observedGauge(
    "istio_agent_cert_expiry_seconds",
    "Seconds until the workload certificate expires; negative once it has.",
    (report) => {
      const secondsLeft = more.secrets()?.secondsLeft;
      if (secondsLeft !== undefined) report(secondsLeft, { resource_name: "default" });
    },
  );
  metrics.observedGauge(
    "istio_agent_startup_duration_seconds",
    "Seconds from the start to the first readiness.",
    (report) => {
      const seconds = more.readyAfter();
      if (!Number.isNaN(seconds)) report(seconds);
    },
  );
  const dns = more.dns();
  if (dns === undefined) return metrics;
  observeDns(metrics, dns);
  return {
    text: async () => `${await metrics.text()}${durationText(dns)}`,
    close: () => metrics.close(),
  };
}

/** Counted before there were metrics: a histogram of these could not take it over. */
function durationText({ upstreamDuration }: DnsCounters): string {
  const name = "istio_agent_dns_upstream_request_duration_seconds";
  return histogramText(name, "Time that DNS servers took for queries, in seconds.", upstreamDuration);
}
