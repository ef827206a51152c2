export {
  formatStatsJson,
  formatStatsText,
  type SelectedStats,
  type StatsSelection,
  selectStats,
} from "./format.ts";
export { createHistogram, type Histogram } from "./histogram.ts";
export { formatPrometheus, histogramBounds } from "./prometheus.ts";
export {
  type Counter,
  createStatsStore,
  type Gauge,
  type StatsScope,
  type StatsStore,
  type StatsStoreOptions,
} from "./store.ts";
export { defaultTagRules, extractTags, parseTagRegex, type TaggedName, type TagRule } from "./tags.ts";
