import { createHistogram, type Histogram } from "./histogram.ts";

/** A number that only grows. */
export class Counter {
  readonly name: string;
  value = 0;
  constructor(name: string) {
    this.name = name;
  }
  inc(by = 1): void {
    this.value += by;
  }
}

/** A number that goes up and down. */
export class Gauge {
  readonly name: string;
  value = 0;
  /** Whether it was ever written; `usedonly` leaves out the others. */
  used = false;
  constructor(name: string) {
    this.name = name;
  }
  inc(by = 1): void {
    this.value += by;
    this.used = true;
  }
  dec(by = 1): void {
    this.value -= by;
    this.used = true;
  }
  set(value: number): void {
    this.value = value;
    this.used = true;
  }
}

/**
 * Where parts of the proxy count. A metric is made at first use and is the same object ever after, so hot paths
 * look it up once and keep it. Names are Envoy's: `cluster.<name>.upstream_rq_2xx`, parts joined by dots.
 */
export interface StatsScope {
  counter(name: string): Counter;
  gauge(name: string): Gauge;
  histogram(name: string): Histogram;
  /** A scope whose names start with this scope's prefix, then `prefix`, then a dot. */
  scope(prefix: string): StatsScope;
}

/** All metrics of the process, each under its full name. */
export interface StatsStore extends StatsScope {
  readonly counters: ReadonlyMap<string, Counter>;
  readonly gauges: ReadonlyMap<string, Gauge>;
  readonly histograms: ReadonlyMap<string, Histogram>;
  /** Forgets the metrics whose names start with `prefix`; for clusters and listeners that are gone. */
  remove(prefix: string): void;
  /** Sets every counter to 0, as `/reset_counters` does. */
  resetCounters(): void;
}

/** Settings of {@link createStatsStore}. */
export interface StatsStoreOptions {
  /** Which names are kept (bootstrap `stats_config.stats_matcher`); all unless told. Others count into nothing. */
  readonly accepts?: (name: string) => boolean;
}

/** Stat names hold no colons: Envoy writes `_` for them (`listener.0.0.0.0_8080.`). */
function sanitize(name: string): string {
  return name.includes(":") ? name.replaceAll(":", "_") : name;
}

/** Creates an empty {@link StatsStore}. */
export function createStatsStore(options: StatsStoreOptions = {}): StatsStore {
  const { accepts = () => true } = options;
  const counters = new Map<string, Counter>();
  const gauges = new Map<string, Gauge>();
  const histograms = new Map<string, Histogram>();

  function obtain<T>(metrics: Map<string, T>, rawName: string, create: (name: string) => T): T {
    const name = sanitize(rawName);
    const known = metrics.get(name);
    if (known !== undefined) return known;
    const created = create(name);
    if (accepts(name)) metrics.set(name, created);
    return created;
  }

  function scopeAt(prefix: string): StatsScope {
    return {
      counter: (name) => obtain(counters, prefix + name, (full) => new Counter(full)),
      gauge: (name) => obtain(gauges, prefix + name, (full) => new Gauge(full)),
      histogram: (name) => obtain(histograms, prefix + name, createHistogram),
      scope: (inner) => scopeAt(`${prefix}${inner}.`),
    };
  }

  return {
    ...scopeAt(""),
    counters,
    gauges,
    histograms,
    remove(rawPrefix) {
      const prefix = sanitize(rawPrefix);
      for (const metrics of [counters, gauges, histograms]) {
        for (const name of metrics.keys()) if (name.startsWith(prefix)) metrics.delete(name);
      }
    },
    resetCounters() {
      for (const counter of counters.values()) counter.value = 0;
    },
  };
}
