import type { Clock } from "@weft/base";
import type { ClusterSet } from "../runtime/cluster.ts";
import type { MetricName, StatsConfig } from "./config.ts";
import { metricNames } from "./config.ts";
import { localWorkload } from "./labels.ts";
import { Recorder, type Reporter } from "./recorder.ts";
import { CounterSeries, Family, HistogramSeries, type SeriesBounds } from "./series.ts";

type HistogramName = "request_duration_milliseconds" | "request_bytes" | "response_bytes";

/** The metrics by name, and the time by which their series age. */
export type MetricFamilies = {
  readonly [Name in MetricName]: Family<Name extends HistogramName ? HistogramSeries : CounterSeries>;
} & { readonly now: () => number };

/** What a scrape is to show. */
export interface MetricsSelection {
  /** Only metrics whose name this matches. */
  readonly filter?: RegExp;
  readonly usedOnly?: boolean;
}

/** Istio's standard metrics of one proxy. */
export interface IstioMetrics {
  /** What keeps them for an end under a configuration; the same for equal configurations. */
  recorder(reporter: Reporter, config: StatsConfig): Recorder;
  /** In Prometheus' text format under Istio's own names. Series that did not change for an hour are dropped first. */
  format(selection?: MetricsSelection): string;
  /** Sets every metric to 0. */
  reset(): void;
}

/** Settings of {@link createIstioMetrics}. */
export interface IstioMetricsOptions {
  /** Metadata of the proxy's node: WORKLOAD_NAME, NAMESPACE, LABELS, CLUSTER_ID. */
  readonly nodeMetadata: Readonly<Record<string, unknown>>;
  readonly clusters: ClusterSet;
  readonly clock: Clock;
  /** 1,000 series of a metric and an hour unless told. */
  readonly bounds?: SeriesBounds;
}

/** A histogram's series is 22 lines with all labels: so many of three histograms are 60 MB of text, written in 0.2 s. */
const defaultBounds: SeriesBounds = { limit: 1_000, idleMs: 3_600_000 };

/** Configurations that are known to be equal; more are kept apart. */
const maxSharedRecorders = 64;

const histograms: ReadonlySet<string> = new Set<HistogramName>([
  "request_duration_milliseconds",
  "request_bytes",
  "response_bytes",
]);

/** Creates {@link IstioMetrics} without series. */
export function createIstioMetrics(options: IstioMetricsOptions): IstioMetrics {
  const { clock, clusters, bounds = defaultBounds } = options;
  const local = localWorkload(options.nodeMetadata);
  const all = metricNames.map((name) =>
    histograms.has(name)
      ? new Family(`istio_${name}`, "histogram", () => new HistogramSeries(), bounds)
      : new Family(`istio_${name}`, "counter", () => new CounterSeries(), bounds),
  );
  const families = {
    ...Object.fromEntries(metricNames.map((name, i) => [name, all[i]])),
    now: () => clock.monotonic(),
  } as MetricFamilies; // made from the same names above
  const recorders = new Map<string, Recorder>();
  /** Those in use: recorders of configurations that are gone go with them. */
  const live = new Set<WeakRef<Recorder>>();

  function create(reporter: Reporter, config: StatsConfig): Recorder {
    const indexLimit = 4 * bounds.limit;
    const recorder = new Recorder({ reporter, config, local, families, clusters, indexLimit });
    live.add(new WeakRef(recorder));
    return recorder;
  }

  return {
    recorder(reporter, config) {
      const key = JSON.stringify([reporter, config]);
      const recorder = recorders.get(key) ?? create(reporter, config);
      recorders.delete(key);
      recorders.set(key, recorder);
      const [oldest] = recorders.keys();
      if (recorders.size > maxSharedRecorders && oldest !== undefined) recorders.delete(oldest);
      return recorder;
    },
    format({ filter, usedOnly = false } = {}) {
      for (const family of all) family.sweep(clock.monotonic());
      for (const reference of live) {
        const recorder = reference.deref();
        if (recorder === undefined) live.delete(reference);
        else recorder.refresh();
      }
      return all
        .filter(({ name }) => filter === undefined || filter.test(name))
        .map((family) => family.write(usedOnly))
        .join("");
    },
    reset() {
      for (const family of all) family.reset();
    },
  };
}
