import type { Clock, Problem } from "@weft/base";
import type { ResourceSet } from "@weft/envoy-api";
import type { ProxyView, Service } from "@weft/mesh-model";
import type { Prepare, Translate, WithEndpoints } from "../engine.ts";
import type { ViewGroup } from "./groups.ts";
import { servicesOf } from "./reach.ts";

/** Settings of {@link createGroupTranslation}. */
export interface GroupTranslationOptions {
  readonly translate: Translate;
  readonly prepare?: Prepare;
  readonly withEndpoints?: WithEndpoints;
  readonly clock: Clock;
}

/** What a group is to be given. */
export interface Translated {
  readonly set: ResourceSet;
  readonly problems: readonly Problem[];
  /** The problems are those of what has changed, and not all there are. */
  readonly partial: boolean;
  /** Time spent on it, milliseconds. */
  readonly workMs: number;
}

/** Translates what groups lack. */
export interface GroupTranslation {
  /**
   * Does a part of a group's translation, `again`, or the last of it. Ask for one group until that is done. `viewOf` is asked at the begin:
   * what changes later is noted in what the group lacks, and is not part of the result. `nothing`: nobody is there to translate for.
   */
  step(group: ViewGroup, viewOf: () => ProxyView | undefined): Translated | "again" | "nothing";
}

/** Longest time that preparing holds the event loop, milliseconds. */
const budgetMs = 8;

interface Running {
  readonly group: ViewGroup;
  readonly view: ProxyView;
  readonly steps: Iterator<void> | undefined;
  workMs: number;
}

/** Creates a {@link GroupTranslation}. */
export function createGroupTranslation(options: GroupTranslationOptions): GroupTranslation {
  const { translate, prepare, withEndpoints, clock } = options;
  let running: Running | undefined;

  /** The result where only endpoints are lacking. */
  const byEndpoints = (group: ViewGroup, view: ProxyView) => {
    const { lacks, set } = group;
    if (withEndpoints === undefined || set === undefined || typeof lacks === "string") return undefined;
    const inScope = servicesOf(group.scope);
    const services = [...lacks].flatMap((key): readonly Service[] => {
      const service = inScope.get(key);
      return service ? [service] : [];
    });
    return view.scope === group.scope ? withEndpoints(view, services, set) : undefined;
  };

  const begin = (group: ViewGroup, viewOf: () => ProxyView | undefined): Translated | Running | "nothing" => {
    const start = clock.monotonic();
    const view = viewOf();
    if (view === undefined || group.lacks === "nothing") return "nothing";
    const quick = byEndpoints(group, view);
    group.lacks = "nothing";
    group.scope = view.scope;
    const workMs = clock.monotonic() - start;
    if (quick !== undefined) return { set: quick.value, problems: quick.problems, partial: true, workMs };
    return { group, view, steps: prepare?.(view), workMs };
  };

  return {
    step: (group, viewOf) => {
      if (running?.group !== group) {
        const begun = begin(group, viewOf);
        if (begun === "nothing" || "set" in begun) return begun;
        running = begun;
      }
      const current = running;
      // What throws is over.
      running = undefined;
      const start = clock.monotonic();
      const spent = () => clock.monotonic() - start;
      const { view, steps } = current;
      let done = steps === undefined;
      while (!done && spent() < budgetMs) done = steps?.next().done === true;
      if (done) {
        const { value, problems } = translate(view, group.set);
        return { set: value, problems, partial: false, workMs: current.workMs + spent() };
      }
      current.workMs += spent();
      running = current;
      return "again";
    },
  };
}
