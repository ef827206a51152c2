import type { SubsetConfig } from "../runtime/cluster-config.ts";
import type { StatsScope } from "../runtime/stats.ts";
import type { ClusterHost } from "./host.ts";
import type { LocalityHosts, Picker } from "./picker.ts";

/** What a route or filter wants of a host's metadata, under `envoy.lb`. */
export type SubsetCriteria = Readonly<Record<string, unknown>>;

/** Chooses among the hosts whose metadata fit. */
export interface Subsets {
  /** The picker for what is wanted; undefined where nothing fits and nothing else is to be taken. */
  pickerFor(wanted: SubsetCriteria | undefined): Picker | undefined;
}

const metadataOf = (host: ClusterHost) => (host.metadata["envoy.lb"] ?? {}) as SubsetCriteria; // a Struct

const fits = (host: ClusterHost, criteria: SubsetCriteria, listAsAny: boolean) =>
  Object.entries(criteria).every(([key, value]) => {
    const own = metadataOf(host)[key];
    return listAsAny && Array.isArray(own) ? own.some((item) => same(item, value)) : same(own, value);
  });

const same = (a: unknown, b: unknown) => a === b || JSON.stringify(a) === JSON.stringify(b);

/**
 * Subsets of one state of the hosts. A subset is found by a selector that has exactly the keys which are wanted;
 * where there is none, or no host in it, the fallback applies. Subsets are made when they are first wanted; as those
 * without hosts are not kept, they are at most as many as hosts have different metadata.
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/subsets
 */
export function createSubsets(
  localities: readonly LocalityHosts[],
  config: SubsetConfig,
  pickerOver: (localities: readonly LocalityHosts[]) => Picker,
  stats: StatsScope,
): Subsets {
  const known = new Map<string, Picker>();
  const selected = stats.counter("lb_subsets_selected");
  const fallen = stats.counter("lb_subsets_fallback");
  const panic = stats.counter("lb_subsets_fallback_panic");
  let all: Picker | undefined;
  const everything = () => {
    all ??= pickerOver(localities);
    return all;
  };
  const subset = (criteria: SubsetCriteria): Picker | undefined => {
    const key = JSON.stringify(Object.entries(criteria).sort(([a], [b]) => (a < b ? -1 : 1)));
    let picker = known.get(key);
    if (picker !== undefined) return picker;
    const chosen = localities.map((locality) => ({
      ...locality,
      hosts: locality.hosts.filter((host) => fits(host, criteria, config.listAsAny)),
    }));
    if (chosen.every(({ hosts }) => hosts.length === 0)) return undefined;
    picker = pickerOver(chosen);
    known.set(key, picker);
    return picker;
  };
  const fallBack = (policy: SubsetConfig["fallback"]): Picker | undefined => {
    switch (policy) {
      case "none":
        return undefined;
      case "any":
        fallen.inc();
        return everything();
      case "default": {
        fallen.inc();
        const picker = subset(config.defaultSubset);
        if (picker !== undefined || !config.panicModeAny) return picker;
        panic.inc();
        return everything();
      }
    }
  };
  return {
    pickerFor(wanted = {}) {
      const keys = Object.keys(wanted);
      const selector = config.selectors.find(
        (one) => one.keys.length === keys.length && one.keys.every((key) => key in wanted),
      );
      const found = keys.length === 0 || selector === undefined ? undefined : subset(wanted);
      if (found !== undefined) {
        selected.inc();
        return found;
      }
      const policy = selector?.fallback ?? config.fallback;
      if (typeof policy === "string") {
        const picker = fallBack(policy);
        if (picker !== undefined || !config.panicModeAny || policy === "default") return picker;
        panic.inc();
        return everything();
      }
      // KEYS_SUBSET: once more with fewer keys.
      const fewer = Object.fromEntries(Object.entries(wanted).filter(([key]) => policy.keys.includes(key)));
      return this.pickerFor(fewer);
    },
  };
}
