import type { Clock, Problem, WithProblems } from "@weft/base";
import type { ResourceSet } from "@weft/envoy-api";
import type { ProxyView, Service } from "@weft/mesh-model";
import type { Translate, TranslateInSteps, WithEndpoints } from "../engine.ts";
import type { ViewGroup } from "./groups.ts";
import { servicesOf } from "./reach.ts";

/** Settings of {@link createGroupTranslation}. */
export interface GroupTranslationOptions {
  readonly translate: Translate;
  readonly translateInSteps?: TranslateInSteps;
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

/** Time after which a translation gives the event loop back, milliseconds. */
const budgetMs = 8;

interface Running {
  readonly group: ViewGroup;
  readonly steps: Iterator<void, WithProblems<ResourceSet>>;
  workMs: number;
}

/** Creates a {@link GroupTranslation}. */
export function createGroupTranslation(options: GroupTranslationOptions): GroupTranslation {
  const { translate, withEndpoints, clock } = options;
  const { translateInSteps = oneStep(translate) } = options;
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
    return { group, steps: translateInSteps(view, group.set), workMs };
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
      for (let step = current.steps.next(); ; step = current.steps.next()) {
        if (step.done) {
          const { value: set, problems } = step.value;
          return { set, problems, partial: false, workMs: current.workMs + spent() };
        }
        if (spent() >= budgetMs) break;
      }
      current.workMs += spent();
      running = current;
      return "again";
    },
  };
}

function oneStep(translate: Translate): TranslateInSteps {
  // biome-ignore lint/correctness/useYield: there is no step before the last
  return function* (view, previous) {
    return translate(view, previous);
  };
}
