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
