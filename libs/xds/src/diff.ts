/** A resource that a client has, as far as the server knows: at least its version. */
export interface Holding {
  readonly version: string;
}

/** The way from one map of resources to another. */
export interface Diff {
  /** Names that are new, or whose version differs. */
  readonly changed: readonly string[];
  /** Names that are gone. */
  readonly removed: readonly string[];
}

/** Computes a {@link Diff}; of the same two maps always the same one. */
export type DiffMaps = (from: ReadonlyMap<string, Holding>, to: ReadonlyMap<string, Holding>) => Diff;

/**
 * Creates a {@link DiffMaps} that computes each pair of maps once. Proxies that see the same view share one resource
 * set, so that a push to all of them compares two maps once, and then looks at nothing but what changed.
 * An entry lives as long as both of its maps do.
 */
export function createDiffMaps(): DiffMaps {
  const cache = new WeakMap<ReadonlyMap<string, Holding>, WeakMap<ReadonlyMap<string, Holding>, Diff>>();
  return (from, to) => {
    let byTarget = cache.get(from);
    if (byTarget === undefined) {
      byTarget = new WeakMap();
      cache.set(from, byTarget);
    }
    let diff = byTarget.get(to);
    if (diff === undefined) {
      diff = diffMaps(from, to);
      byTarget.set(to, diff);
    }
    return diff;
  };
}

/** Compares two maps by name and version. */
export function diffMaps(from: ReadonlyMap<string, Holding>, to: ReadonlyMap<string, Holding>): Diff {
  const changed: string[] = [];
  const removed: string[] = [];
  if (from !== to) {
    for (const [name, resource] of to) if (from.get(name)?.version !== resource.version) changed.push(name);
    for (const name of from.keys()) if (!to.has(name)) removed.push(name);
  }
  return { changed, removed };
}
