import { clone, type DescMessage, type Message } from "@bufbuild/protobuf";
import { isMerge, type Patch, type PatchRun } from "./patch.ts";

/** How patches find their way in a list. */
export interface ListRules<M extends Message> {
  readonly schema: DescMessage;
  /** Whether the patch is for this list at all. */
  readonly applies: (patch: Patch) => boolean;
  /** Whether the patch names a certain item. */
  readonly names: (patch: Patch) => boolean;
  /** Whether the patch is for an item; true where it names none. */
  readonly matches: (patch: Patch, item: M) => boolean;
  /** An item with the patch's value merged in. */
  readonly merge: (item: M, patch: Patch) => M;
  /** Where ADD puts its value; at the end by default. */
  readonly placeOf?: (items: readonly M[], patch: Patch) => number;
}

function withValue<M>(items: readonly M[], at: number, value: M, replaced = 0): readonly M[] {
  return [...items.slice(0, at), value, ...items.slice(at + replaced)];
}

/**
 * A list after the patches that put something into it. INSERT_BEFORE and INSERT_AFTER without an item to go by mean the
 * start and the end of the list; with one that is not there they have no effect, as has REPLACE.
 */
export function addItems<M extends Message>(
  run: PatchRun,
  patches: readonly Patch[],
  items: readonly M[],
  rules: ListRules<M>,
): readonly M[] {
  let list = items;
  for (const patch of patches) {
    if (patch.value === undefined || !rules.applies(patch)) continue;
    const value = clone(rules.schema, patch.value) as M; // a patch's value is of the type its target has
    const named = rules.names(patch);
    const found = list.findIndex((item) => rules.matches(patch, item));
    const before = list;
    switch (patch.operation) {
      case "ADD":
        list = withValue(list, rules.placeOf?.(list, patch) ?? list.length, value);
        break;
      case "INSERT_FIRST":
        list = withValue(list, 0, value);
        break;
      case "INSERT_BEFORE":
        if (!named || found >= 0) list = withValue(list, named ? found : 0, value);
        break;
      case "INSERT_AFTER":
        if (!named || found >= 0) list = withValue(list, named ? found + 1 : list.length, value);
        break;
      case "REPLACE":
        if (named && found >= 0) list = withValue(list, found, value, 1);
        break;
    }
    if (list !== before) run.used.add(patch);
  }
  return list;
}

/** A list after the patches that merge into its items or take some away; `then` goes on with each that stays. */
export function changeItems<M extends Message>(
  run: PatchRun,
  patches: readonly Patch[],
  items: readonly M[],
  rules: ListRules<M>,
  then: (item: M) => M = (item) => item,
): readonly M[] {
  return items.flatMap((item) => {
    let changed = item;
    for (const patch of patches) {
      const removes = patch.operation === "REMOVE";
      if (!removes && !isMerge(patch)) continue;
      if (!rules.applies(patch) || !rules.matches(patch, changed)) continue;
      run.used.add(patch);
      if (removes) return [];
      changed = rules.merge(changed, patch);
    }
    return [then(changed)];
  });
}
