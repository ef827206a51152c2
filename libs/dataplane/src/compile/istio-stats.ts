import { decodeStatsConfig } from "../istio-metrics/index.ts";
import { createIstioStats } from "../tcp/filters/istio-stats.ts";
import type { LayerFactory } from "./network-filters.ts";
import { structValueOf } from "./typed-struct.ts";

/** `istio.stats` in front of the TCP proxy: Istio's standard metrics of connections. */
export const istioStats: LayerFactory = {
  name: "istio.stats",
  type: "stats.PluginConfig",
  compile(message, path, { istioMetrics, clock }, problems) {
    const config = decodeStatsConfig(structValueOf(message), `${path}.value`, problems);
    const layer = createIstioStats({
      source: istioMetrics.recorder("source", config),
      destination: istioMetrics.recorder("destination", config),
      intervalMs: config.tcpReportingMs,
      clock,
    });
    return () => layer;
  },
};
