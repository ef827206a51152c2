import type { ProxyView } from "@weft/mesh-model";
import type { ProxyTelemetry, SideTelemetry } from "../ir/index.ts";
import type { ProblemList } from "../problems.ts";
import { configRef } from "../refs.ts";
import { accessLogsFor } from "./access-logs.ts";
import { type Side, telemetriesFor } from "./effective.ts";
import { metricsFor } from "./metrics.ts";
import { tracingFor } from "./tracing.ts";

/** What a proxy tells of its traffic, and where: by Telemetry resources and MeshConfig. */
export function buildTelemetry(view: ProxyView, problems?: ProblemList): ProxyTelemetry {
  const telemetries = telemetriesFor(view);
  const { rootNamespace } = view.snapshot.meshConfig;
  const narrowest = telemetries.at(-1);
  const object = narrowest
    ? configRef(narrowest)
    : { apiVersion: "v1", kind: "ConfigMap", name: "istio", namespace: rootNamespace };
  const complain = (message: string) => problems?.for(object).warn("unusable-provider", "", message);
  const sideOf = (side: Side): SideTelemetry => ({
    accessLogs: accessLogsFor(view, telemetries, side, complain),
    tracing: tracingFor(view, telemetries, side, complain),
    metrics: metricsFor(view, telemetries, side, complain),
  });
  for (const telemetry of telemetries) {
    const report = problems?.for(configRef(telemetry));
    for (const [index, { customTags = {} }] of (telemetry.spec.tracing ?? []).entries())
      for (const [name, { formatter }] of Object.entries(customTags))
        if (formatter)
          report?.unsupported(`spec.tracing[${index}].customTags.${name}.formatter`, "formatter");
  }
  return { client: sideOf("client"), server: sideOf("server") };
}
