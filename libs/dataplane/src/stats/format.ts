import type { Histogram } from "./histogram.ts";
import type { StatsStore } from "./store.ts";

/** What `/stats` leaves out. */
export interface StatsSelection {
  /** Only names this matches. */
  readonly filter?: RegExp;
  /** Only metrics that were written. */
  readonly usedOnly?: boolean;
}

/** The quantiles Envoy computes. */
export const quantiles = [0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1] as const;

/** What was selected, counters and gauges together, by name. */
export interface SelectedStats {
  readonly numbers: readonly {
    readonly name: string;
    readonly value: number;
    readonly kind: "counter" | "gauge";
  }[];
  readonly histograms: readonly Histogram[];
}

const byName = (a: { readonly name: string }, b: { readonly name: string }) =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0;

/** The metrics that a selection leaves, in name order. */
export function selectStats(store: StatsStore, selection: StatsSelection = {}): SelectedStats {
  const { filter, usedOnly = false } = selection;
  const wanted = (name: string, used: boolean) =>
    (used || !usedOnly) && (filter === undefined || filter.test(name));
  const numbers: { name: string; value: number; kind: "counter" | "gauge" }[] = [];
  for (const { name, value } of store.counters.values()) {
    if (wanted(name, value !== 0)) numbers.push({ name, value, kind: "counter" });
  }
  for (const { name, value, used } of store.gauges.values()) {
    if (wanted(name, used)) numbers.push({ name, value, kind: "gauge" });
  }
  const histograms = [...store.histograms.values()].filter(({ name, count }) => wanted(name, count > 0));
  return { numbers: numbers.sort(byName), histograms: histograms.sort(byName) };
}

const round = (value: number) => Number(value.toPrecision(6));

/**
 * `/stats` as text. Histograms show `P50(nan,4.2)`: Envoy's first figure is of the last flush interval, which this
 * proxy does not keep; the second is of all values since the start.
 */
export function formatStatsText(selected: SelectedStats): string {
  let text = "";
  for (const { name, value } of selected.numbers) text += `${name}: ${value}\n`;
  for (const histogram of selected.histograms) {
    const figures = quantiles.map(
      (q) => `P${round(q * 100)}(nan,${histogram.count === 0 ? "nan" : round(histogram.quantile(q))})`,
    );
    text += `${histogram.name}: ${histogram.count === 0 ? "No recorded values" : figures.join(" ")}\n`;
  }
  return text;
}

/** `/stats?format=json`. */
export function formatStatsJson(selected: SelectedStats): string {
  const stats: unknown[] = selected.numbers.map(({ name, value }) => ({ name, value }));
  if (selected.histograms.length > 0) {
    stats.push({
      histograms: {
        supported_quantiles: quantiles.map((q) => round(q * 100)),
        computed_quantiles: selected.histograms.map((histogram) => ({
          name: histogram.name,
          values: quantiles.map((q) => ({
            interval: null,
            cumulative: histogram.count === 0 ? null : round(histogram.quantile(q)),
          })),
        })),
      },
    });
  }
  return JSON.stringify({ stats });
}
