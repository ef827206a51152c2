import type { SelectedStats } from "./format.ts";
import { extractTags, type TaggedName, type TagRule } from "./tags.ts";

/** Envoy's histogram bounds, in the histogram's own unit. */
export const histogramBounds: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];

const sanitize = (name: string) => name.replaceAll(/[^a-zA-Z0-9_]/g, "_");
const escapeValue = (value: string) =>
  value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");

function labels(tags: TaggedName["tags"]): string {
  return tags.map(([name, value]) => `${sanitize(name)}="${escapeValue(value)}"`).join(",");
}

/**
 * Metrics in Prometheus' text format under Envoy's names: `envoy_`, the name without its tags, the tags as labels;
 * all series of one name stand together under one TYPE line.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function formatPrometheus(selected: SelectedStats, rules: readonly TagRule[]): string {
  const families = new Map<string, { type: string; lines: string[] }>();
  const family = (name: string, type: string) => {
    const full = `envoy_${sanitize(name)}`;
    const { lines } = families.get(full) ?? { lines: [] as string[] };
    if (lines.length === 0) families.set(full, { type, lines });
    return { full, lines };
  };
  for (const { name, value, kind } of selected.numbers) {
    const tagged = extractTags(name, rules);
    const { full, lines } = family(tagged.name, kind);
    lines.push(`${full}{${labels(tagged.tags)}} ${value}`);
  }
  for (const histogram of selected.histograms) {
    const tagged = extractTags(histogram.name, rules);
    const { full, lines } = family(tagged.name, "histogram");
    const own = labels(tagged.tags);
    const prefix = own === "" ? "" : `${own},`;
    for (const bound of histogramBounds) {
      lines.push(`${full}_bucket{${prefix}le="${bound}"} ${histogram.countUpTo(bound)}`);
    }
    lines.push(`${full}_bucket{${prefix}le="+Inf"} ${histogram.count}`);
    lines.push(`${full}_sum{${own}} ${histogram.sum}`, `${full}_count{${own}} ${histogram.count}`);
  }
  let text = "";
  for (const [name, { type, lines }] of families) text += `# TYPE ${name} ${type}\n${lines.join("\n")}\n\n`;
  return text;
}
