import { OverlayMap } from "@weft/base";

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

/** Compares two maps by name and version; two that were made from each other by what differs. */
export function diffMaps(from: ReadonlyMap<string, Holding>, to: ReadonlyMap<string, Holding>): Diff {
  const changed: string[] = [];
  const removed: string[] = [];
  const layered = OverlayMap.layeredKeys(from, to);
  if (layered !== undefined) {
    for (const name of layered) {
      const [before, now] = [from.get(name), to.get(name)];
      if (now === undefined) removed.push(name);
      else if (before?.version !== now.version) changed.push(name);
    }
  } else if (from !== to) {
    for (const [name, resource] of to) if (from.get(name)?.version !== resource.version) changed.push(name);
    for (const name of from.keys()) if (!to.has(name)) removed.push(name);
  }
  return { changed, removed };
}
