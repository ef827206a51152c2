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

  /** Whether {@link get} would find a result. */
  knows(objects: readonly (object | undefined)[], variant: string): boolean {
    let level: Level | undefined = this.#root;
    for (const object of objects) level = level?.next.get(object ?? absent);
    return level?.results.has(variant) ?? false;
  }

  /** `variant` names the kind of result, and all that it depends on besides the objects. */
  get<T>(objects: readonly (object | undefined)[], variant: string, make: () => T): T {
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
    if (level.results.has(variant)) return level.results.get(variant) as T; // a variant always holds one type
    const result = make();
    if (level.results.size >= variantLimit) level.results.clear();
    level.results.set(variant, result);
    return result;
  }
}
