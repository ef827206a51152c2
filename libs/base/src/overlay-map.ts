/** Marks a key of the base that is gone. */
const gone: unique symbol = Symbol("gone");

/** Fewer changes than this are never worth a copy of the whole. */
const minLayer = 32;

/**
 * A map that is never changed, but from which the next one is made in the time of the change: both share a base, and each has a layer
 * of what is other than there. A key keeps its place while it stays; new ones come last. When a layer has grown to an eighth
 * of its base, the next map has a base of its own. Values are never undefined or null.
 */
export class OverlayMap<K, V> implements ReadonlyMap<K, V> {
  readonly #base: ReadonlyMap<K, V>;
  readonly #layer: ReadonlyMap<K, V | typeof gone>;
  readonly size: number;

  private constructor(base: ReadonlyMap<K, V>, layer: ReadonlyMap<K, V | typeof gone>, size: number) {
    this.#base = base;
    this.#layer = layer;
    this.size = size;
  }

  /** The map itself where it is an overlay; else an overlay on it, and it must not be changed any more. */
  static over<K, V>(map: ReadonlyMap<K, V>): OverlayMap<K, V> {
    return map instanceof OverlayMap ? map : new OverlayMap(map, new Map(), map.size);
  }

  /** This map with other values; undefined takes a key away. Itself where that changes nothing. */
  with(changes: Iterable<readonly [key: K, value: V | undefined]>): OverlayMap<K, V> {
    let layer: Map<K, V | typeof gone> | undefined;
    let { size } = this;
    for (const [key, value] of changes) {
      const now = (layer ?? this.#layer).get(key) ?? this.#base.get(key);
      const before = now === gone ? undefined : now;
      if (before === value) continue;
      layer ??= new Map(this.#layer);
      if (before === undefined) size++;
      if (value !== undefined) layer.set(key, value);
      else {
        size--;
        if (this.#base.has(key)) layer.set(key, gone);
        else layer.delete(key);
      }
    }
    if (layer === undefined) return this;
    const next = new OverlayMap(this.#base, layer, size);
    return layer.size <= Math.max(minLayer, this.#base.size / 8) ? next : OverlayMap.over(new Map(next));
  }

  get(key: K): V | undefined {
    const value = this.#layer.get(key) ?? this.#base.get(key);
    return value === gone ? undefined : value;
  }

  has(key: K): boolean {
    return this.get(key) !== undefined;
  }

  *entries(): Generator<[K, V], undefined> {
    for (const [key, value] of this.#base) {
      const now = this.#layer.get(key) ?? value;
      if (now !== gone) yield [key, now];
    }
    for (const [key, value] of this.#layer) if (value !== gone && !this.#base.has(key)) yield [key, value];
    return undefined;
  }

  *keys(): Generator<K, undefined> {
    for (const [key] of this.entries()) yield key;
    return undefined;
  }

  *values(): Generator<V, undefined> {
    for (const [, value] of this.entries()) yield value;
    return undefined;
  }

  [Symbol.iterator](): Generator<[K, V], undefined> {
    return this.entries();
  }

  forEach(callback: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this.entries()) callback(value, key, this);
  }

  /** Keys that may have another value in `other`: undefined where the two have nothing in common. */
  static layeredKeys<K, V>(one: ReadonlyMap<K, V>, other: ReadonlyMap<K, V>): ReadonlySet<K> | undefined {
    if (!(one instanceof OverlayMap) || !(other instanceof OverlayMap) || one.#base !== other.#base)
      return undefined;
    return new Set([...one.#layer.keys(), ...other.#layer.keys()]);
  }
}

/**
 * Keys whose values are not the same (by identity) in both maps, or that one of them lacks. Of two {@link OverlayMap}s with one base in the
 * time of their layers.
 */
export function changedKeys<K, V>(before: ReadonlyMap<K, V>, now: ReadonlyMap<K, V>): readonly K[] {
  if (before === now) return [];
  const layered = OverlayMap.layeredKeys(before, now);
  if (layered !== undefined) return [...layered].filter((key) => before.get(key) !== now.get(key));
  const changed: K[] = [];
  for (const [key, value] of now) if (before.get(key) !== value) changed.push(key);
  for (const key of before.keys()) if (!now.has(key)) changed.push(key);
  return changed;
}
