import { deepFreeze } from "@weft/base";

/** A copy in an order that the seed decides (Fisher and Yates, mulberry32): same seed, same order. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = seededRandom(seed);
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [copy[i], copy[j]] = [copy[j] as T, copy[i] as T]; // both within the array
  }
  return copy;
}

/**
 * Deep-frozen input in several orders, the given one and its reverse among them: what a pure function must map to
 * equal output. https://en.wikipedia.org/wiki/Metamorphic_testing
 */
export function orders<T>(items: readonly T[], count = 5): readonly (readonly T[])[] {
  const variants = [[...items], items.toReversed()];
  for (let seed = 1; variants.length < count; seed++) variants.push(shuffled(items, seed));
  return deepFreeze(variants);
}

/** Uniform numbers in [0, 1) that the seed decides. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
