import type { Steps } from "./steps.ts";

const absent = {};
/** Answers kept for one set of objects, told apart by variant; more means that variants come and go. */
const variantLimit = 64;

interface Level {
  readonly next: WeakMap<object, Level>;
  readonly results: Map<string, unknown>;
}

/**
 * Keeps what was made from a set of objects for as long as those objects live: asked again with the same objects (the
 * same, not equal ones) and the same variant, it gives the same result. For pure functions of frozen inputs.
 */
export class IdentityMemo {
  readonly #root: Level = { next: new WeakMap(), results: new Map() };

  /** `variant` names the kind of result, and all that it depends on besides the objects. */
  get<T>(objects: readonly (object | undefined)[], variant: string, make: () => T): T {
    const { results } = this.#levelOf(objects);
    if (results.has(variant)) return results.get(variant) as T; // a variant always holds one type
    return keep(results, variant, make());
  }

  /** As {@link get}, of what is made in steps. */
  *inSteps<T>(objects: readonly (object | undefined)[], variant: string, make: () => Steps<T>): Steps<T> {
    const { results } = this.#levelOf(objects);
    if (results.has(variant)) return results.get(variant) as T; // a variant always holds one type
    return keep(results, variant, yield* make());
  }

  #levelOf(objects: readonly (object | undefined)[]): Level {
    let level = this.#root;
    for (const object of objects) {
      const key = object ?? absent;
      let next = level.next.get(key);
      if (next === undefined) {
        next = { next: new WeakMap(), results: new Map() };
        level.next.set(key, next);
      }
      level = next;
    }
    return level;
  }
}

function keep<T>(results: Map<string, unknown>, variant: string, result: T): T {
  if (results.size >= variantLimit) results.clear();
  results.set(variant, result);
  return result;
}
