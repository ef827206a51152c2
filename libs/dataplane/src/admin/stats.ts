import { formatPrometheus, formatStatsJson, formatStatsText, selectStats } from "../stats/index.ts";
import { daysUntilFirstExpiry } from "./certs.ts";
import {
  type AdminEndpoint,
  type AdminOptions,
  type AdminReply,
  type AdminRequest,
  isGiven,
  regexOf,
} from "./endpoint.ts";

/** Gauges about the process are read when they are asked for. */
function refreshServerStats({ stats, listeners, resources, clock }: AdminOptions): void {
  const scope = stats.scope("server");
  const memory = process.memoryUsage();
  scope.gauge("uptime").set(Math.floor(process.uptime()));
  scope.gauge("memory_allocated").set(memory.heapUsed);
  scope.gauge("memory_heap_size").set(memory.heapTotal);
  scope.gauge("memory_physical_size").set(memory.rss);
  scope.gauge("concurrency").set(1);
  const days = daysUntilFirstExpiry(resources.tlsMaterials(), clock.now());
  scope.gauge("days_until_first_cert_expiring").set(days);
  scope.gauge("total_connections").set(listeners.connectionCount());
}

function selectionOf({ query }: AdminRequest, options: AdminOptions) {
  refreshServerStats(options);
  const filter = regexOf(query, "filter");
  if (filter !== undefined && !(filter instanceof RegExp)) return { reply: filter };
  const selected = selectStats(options.stats, {
    usedOnly: isGiven(query, "usedonly"),
    ...(filter !== undefined && { filter }),
  });
  return { selected: ofType(selected, query.get("type")), filter };
}

function ofType(
  selected: ReturnType<typeof selectStats>,
  type: string | null,
): ReturnType<typeof selectStats> {
  const numbersOf = (kind: "counter" | "gauge") => selected.numbers.filter((number) => number.kind === kind);
  switch (type) {
    case "Counters":
      return { numbers: numbersOf("counter"), histograms: [] };
    case "Gauges":
      return { numbers: numbersOf("gauge"), histograms: [] };
    case "Histograms":
      return { numbers: [], histograms: selected.histograms };
    case "TextReadouts":
      return { numbers: [], histograms: [] };
    default:
      return selected;
  }
}

function prometheus(request: AdminRequest, options: AdminOptions): AdminReply {
  const { selected, filter, reply } = selectionOf(request, options);
  if (selected === undefined) return reply;
  const istio = options.istioMetrics.format({
    usedOnly: isGiven(request.query, "usedonly"),
    ...(filter !== undefined && { filter }),
  });
  return {
    text: formatPrometheus(selected, options.tagRules) + istio,
    contentType: "text/plain; version=0.0.4; charset=utf-8",
  };
}

/** Statistics. https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--stats */
export const statsEndpoints: readonly AdminEndpoint[] = [
  {
    path: "/stats",
    help: "print server stats (?filter=REGEX&usedonly&type=Counters|Gauges|Histograms&format=text|json|prometheus)",
    handle(request, options) {
      const format = request.query.get("format") ?? "text";
      if (format === "prometheus") return prometheus(request, options);
      const { selected, reply } = selectionOf(request, options);
      if (selected === undefined) return reply;
      switch (format) {
        case "json":
          return { text: formatStatsJson(selected), contentType: "application/json" };
        case "text":
          return { text: formatStatsText(selected) };
        default:
          return { status: 400, text: "usage: /stats?format=(text|json|prometheus)\n\n" };
      }
    },
  },
  { path: "/stats/prometheus", help: "print server stats in prometheus format", handle: prometheus },
  {
    path: "/reset_counters",
    help: "reset all counters to zero",
    mutates: true,
    handle(_request, { stats, istioMetrics }) {
      stats.resetCounters();
      istioMetrics.reset();
      return { text: "OK\n" };
    },
  },
];
