import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { AggregationTemporality, MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import type { Metrics } from "./metrics.ts";

/** A reader that is asked, by our own HTTP server; the exporter's server is not used. */
class PulledReader extends MetricReader {
  constructor() {
    super({ aggregationTemporalitySelector: () => AggregationTemporality.CUMULATIVE });
  }
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}
}

/**
 * {@link Metrics} by OpenTelemetry. The SDK bounds every metric at 2,000 series and adds the rest up under one overflow series.
 *
 * The serializer appends `_total` to every monotonic sum, as Prometheus advises; Istio has counters without it
 * (`pilot_xds_pushes`). So a counter whose name does not end in `_total` is kept under its own name by {@link keepNames}.
 */
export function createOtelMetrics(): Metrics {
  const reader = new PulledReader();
  const provider = new MeterProvider({ readers: [reader] });
  const meter = provider.getMeter("weft");
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true);
  const bareCounters = new Set<string>();
  const noteCounter = (name: string) => {
    if (!name.endsWith("_total")) bareCounters.add(name);
  };
  let closed: Promise<void> | undefined;
  return {
    counter: (name, help) => {
      noteCounter(name);
      const counter = meter.createCounter(name, { description: help });
      return { add: (amount, labels) => counter.add(amount, labels) };
    },
    gauge: (name, help) => {
      const gauge = meter.createGauge(name, { description: help });
      return { set: (value, labels) => gauge.record(value, labels) };
    },
    histogram: (name, help, boundaries) => {
      const histogram = meter.createHistogram(name, {
        description: help,
        advice: { explicitBucketBoundaries: [...boundaries] },
      });
      return { record: (value, labels) => histogram.record(value, labels) };
    },
    observedGauge: (name, help, observe) => {
      meter
        .createObservableGauge(name, { description: help })
        .addCallback((result) => observe((value, labels) => result.observe(value, labels)));
    },
    observedCounter: (name, help, observe) => {
      noteCounter(name);
      meter
        .createObservableCounter(name, { description: help })
        .addCallback((result) => observe((value, labels) => result.observe(value, labels)));
    },
    text: async () => {
      const { resourceMetrics, errors } = await reader.collect();
      if (errors.length > 0) throw new AggregateError(errors, "a metric's callback failed");
      return `${keepNames(serializer.serialize(resourceMetrics), bareCounters)}\n`;
    },
    close: () => {
      closed ??= provider.shutdown();
      return closed;
    },
  };
}

/** Takes the appended `_total` off again where the metric was registered without it. */
function keepNames(text: string, bare: ReadonlySet<string>): string {
  if (bare.size === 0) return text;
  return text.replace(
    /^(# (?:HELP|TYPE) )?([a-zA-Z_:][a-zA-Z0-9_:]*)_total(?=[ {])/gm,
    (whole, comment, name) => (bare.has(name) ? `${comment ?? ""}${name}` : whole),
  );
}
