/** Only grows. */
export interface Counter {
  inc(by?: number): void;
}

/** Goes up and down. */
export interface Gauge {
  inc(by?: number): void;
  dec(by?: number): void;
  set(value: number): void;
}

/** A distribution; units are the name's own (`upstream_rq_time` is in milliseconds). */
export interface Histogram {
  record(value: number): void;
}

/**
 * Statistics under a dotted prefix, with Envoy's names. The same name gives the same counter. Look counters up when
 * configuration is compiled or a cluster is first used, never per request.
 */
export interface StatsScope {
  counter(name: string): Counter;
  gauge(name: string): Gauge;
  histogram(name: string): Histogram;
  scope(prefix: string): StatsScope;
}
