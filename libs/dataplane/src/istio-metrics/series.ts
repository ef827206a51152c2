import { histogramBounds } from "../stats/index.ts";

/** One line of a counter. */
export class CounterSeries {
  value = 0;

  add(by: number): void {
    this.value += by;
  }

  /** Grows with each use. */
  get activity(): number {
    return this.value;
  }

  reset(): void {
    this.value = 0;
  }

  write(name: string, labels: string): string {
    return `${name}{${labels}} ${this.value}\n`;
  }
}

/** One histogram in the buckets that Envoy writes for Prometheus, counted as values come: reading costs no search. */
export class HistogramSeries {
  readonly #counts = new Float64Array(histogramBounds.length + 1);
  #sum = 0;
  #count = 0;

  record(value: number): void {
    let low = 0;
    let high = histogramBounds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value <= (histogramBounds[middle] as number))
        high = middle; // within the list
      else low = middle + 1;
    }
    this.#counts[low] = (this.#counts[low] as number) + 1; // one bucket more than bounds
    this.#sum += value;
    this.#count++;
  }

  get activity(): number {
    return this.#count;
  }

  reset(): void {
    this.#counts.fill(0);
    this.#sum = 0;
    this.#count = 0;
  }

  write(name: string, labels: string): string {
    let below = 0;
    let lines = "";
    for (const [i, bound] of [...histogramBounds, "+Inf"].entries()) {
      below += this.#counts[i] as number; // as many as bounds and +Inf
      lines += `${name}_bucket{${labels},le="${bound}"} ${below}\n`;
    }
    return `${lines}${name}_sum{${labels}} ${this.#sum}\n${name}_count{${labels}} ${this.#count}\n`;
  }
}

/** How many series a metric has, and for how long one is kept that does not change. */
export interface SeriesBounds {
  readonly limit: number;
  readonly idleMs: number;
}

interface Kept<Series> {
  readonly series: Series;
  activity: number;
  changed: number;
}

/** All series of one metric: bounded, those left alone dropped. */
export class Family<Series extends CounterSeries | HistogramSeries> {
  readonly name: string;
  readonly type: "counter" | "histogram";
  readonly #make: () => Series;
  readonly #bounds: SeriesBounds;
  readonly #kept = new Map<string, Kept<Series>>();

  constructor(name: string, type: "counter" | "histogram", make: () => Series, bounds: SeriesBounds) {
    this.name = name;
    this.type = type;
    this.#make = make;
    this.#bounds = bounds;
  }

  /** The series of these labels; where there are too many, one for all that is beyond. */
  obtain(labels: string, reporter: string, now: number): Series {
    const full = this.#kept.size >= this.#bounds.limit && !this.#kept.has(labels);
    const key = full ? `reporter="${reporter}",overflow="true"` : labels;
    const known = this.#kept.get(key);
    if (known !== undefined) return known.series;
    const series = this.#make();
    this.#kept.set(key, { series, activity: 0, changed: now });
    return series;
  }

  /** Drops the series that nothing was added to for long. */
  sweep(now: number): void {
    for (const [labels, kept] of this.#kept) {
      const { activity } = kept.series;
      if (activity !== kept.activity) {
        kept.activity = activity;
        kept.changed = now;
      } else if (now - kept.changed >= this.#bounds.idleMs) this.#kept.delete(labels);
    }
  }

  reset(): void {
    for (const { series } of this.#kept.values()) series.reset();
  }

  /** In Prometheus' text format; empty without series. */
  write(usedOnly: boolean): string {
    let lines = "";
    for (const [labels, { series }] of this.#kept)
      if (!usedOnly || series.activity > 0) lines += series.write(this.name, labels);
    return lines === "" ? "" : `# TYPE ${this.name} ${this.type}\n${lines}\n`;
  }
}
