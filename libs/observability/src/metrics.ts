/** Label names and values of one series. Keep their number small: every combination is a series that stays. */
export type Labels = Readonly<Record<string, string | number | boolean>>;

/** A count that only grows. */
export interface Counter {
  add(amount: number, labels?: Labels): void;
}

/** A value that goes up and down. */
export interface Gauge {
  set(value: number, labels?: Labels): void;
}

/** A distribution of values. */
export interface Histogram {
  record(value: number, labels?: Labels): void;
}

/** Gives the current values of a metric when it is read. */
export type Observe = (report: (value: number, labels?: Labels) => void) => void;

/** A set of metrics and their text form. Names are Prometheus names; counters end in `_total` where Prometheus has it so. */
export interface Metrics {
  counter(name: string, help: string): Counter;
  gauge(name: string, help: string): Gauge;
  /** `boundaries`: upper bounds of the buckets, ascending; `+Inf` is implied. */
  histogram(name: string, help: string, boundaries: readonly number[]): Histogram;
  /** A gauge whose values are asked for at every read. */
  observedGauge(name: string, help: string, observe: Observe): void;
  /** A counter whose totals are asked for at every read. */
  observedCounter(name: string, help: string, observe: Observe): void;
  /** All metrics in Prometheus' text format 0.0.4. */
  text(): Promise<string>;
  close(): Promise<void>;
}

/** Content type of {@link Metrics.text}. */
export const metricsContentType = "text/plain; version=0.0.4; charset=utf-8";

/** Upper bounds of most time histograms of Istio's control plane, in seconds. */
export const secondsBuckets: readonly number[] = [0.001, 0.01, 0.1, 0.5, 1, 3, 5, 10, 20, 30];

/**
 * Creates metrics on the OpenTelemetry SDK. The SDK is imported by the first call, not with this module: it costs about 75 ms and
 * 15 MB, which a process that is not scraped (most agents) need not pay.
 */
export async function createMetrics(): Promise<Metrics> {
  const { createOtelMetrics } = await import("./otel-metrics.ts");
  return createOtelMetrics();
}
