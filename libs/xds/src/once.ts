/**
 * Computes something once for the same objects (the same, not equal ones) and variant, for as long as all of them live.
 * The objects must not change, and the variant names all that the result depends on besides them.
 */
export type Once = <T>(objects: readonly object[], variant: string, compute: () => T) => T;

interface Level {
  readonly next: WeakMap<object, Level>;
  /** Bounded by the variants that the callers have. */
  readonly results: Map<string, unknown>;
}

/**
 * Creates a {@link Once}, which streams share: proxies that see the same view and have asked for the same are in the same situation,
 * so that a push to all of them is worked out for the first, and for the others looked up.
 */
export function createOnce(): Once {
  const root: Level = { next: new WeakMap(), results: new Map() };
  return <T>(objects: readonly object[], variant: string, compute: () => T): T => {
    let level = root;
    for (const object of objects) {
      let next = level.next.get(object);
      if (next === undefined) {
        next = { next: new WeakMap(), results: new Map() };
        level.next.set(object, next);
      }
      level = next;
    }
    if (level.results.has(variant)) return level.results.get(variant) as T; // a variant always holds one type
    const result = compute();
    level.results.set(variant, result);
    return result;
  };
}
