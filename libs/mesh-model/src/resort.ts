import { changedKeys } from "@weft/base";

/** Values by key, and the same in order. */
export interface Sorted<T> {
  readonly results: ReadonlyMap<string, T>;
  readonly sorted: readonly T[];
}

/**
 * The values of `results` in order, which has to be total. Few changes since `before` are put in their places; to sort
 * thousands anew takes longer than all else that a change is about.
 */
export function resort<T>(
  results: ReadonlyMap<string, T>,
  before: Sorted<T> | undefined,
  compare: (a: T, b: T) => number,
): readonly T[] {
  const changed = before && changedKeys(before.results, results);
  if (changed === undefined || changed.length > results.size / 8)
    return Object.freeze([...results.values()].sort(compare));
  const gone = new Set(changed.map((key) => before?.results.get(key)));
  const added = changed.flatMap((key) => results.get(key) ?? []).sort(compare);
  const merged: T[] = [];
  let next = 0;
  for (const value of before?.sorted ?? []) {
    if (gone.has(value)) continue;
    for (let other = added[next]; other !== undefined && compare(other, value) < 0; other = added[++next])
      merged.push(other);
    merged.push(value);
  }
  return Object.freeze([...merged, ...added.slice(next)]);
}
