import type { HttpFilterFactory } from "../../../compile/environment.ts";
import { structValueOf } from "../../../compile/typed-struct.ts";
import { decodeStatsConfig } from "../../../istio-metrics/index.ts";

/**
 * `istio.stats`: Istio's standard metrics of requests. It changes nothing about them and looks at them when they are
 * over, so that a stream does not pay for it. https://istio.io/latest/docs/reference/config/metrics/
 */
export const istioStats: HttpFilterFactory = {
  name: "istio.stats",
  configTypes: [],
  routeConfigTypes: [],
  structTypes: ["stats.PluginConfig"],
  compile(message, { name, path, problems, environment: { istioMetrics } }) {
    const config = decodeStatsConfig(structValueOf(message), `${path}.value`, problems);
    const source = istioMetrics.recorder("source", config);
    const destination = istioMetrics.recorder("destination", config);
    return {
      name,
      open: () => undefined,
      log: (info) => (info.connection.direction === "inbound" ? destination : source).request(info),
    };
  },
};
