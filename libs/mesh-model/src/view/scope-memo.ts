import type { EgressScope } from "./egress-scope.ts";

/** Keeps the scopes of a snapshot, so that proxies share them; and hands those that stay on to the next snapshot. */
export interface ScopeMemo {
  get(key: string, make: () => EgressScope): EgressScope;
  /** The scope, where somebody has asked for it. */
  peek(key: string): EgressScope | undefined;
  /** A memo that begins with these scopes without those for which `gone` is true. */
  without(gone: (scope: EgressScope) => boolean): ScopeMemo;
}

/** Creates a {@link ScopeMemo} that keeps at most `limit` scopes; beyond, it starts anew. */
export function createScopeMemo(
  limit: number,
  begin: readonly (readonly [string, EgressScope])[] = [],
): ScopeMemo {
  const scopes = new Map(begin);
  return {
    get: (key, make) => {
      const known = scopes.get(key);
      if (known !== undefined) return known;
      const made = make();
      if (scopes.size >= limit) scopes.clear();
      scopes.set(key, made);
      return made;
    },
    peek: (key) => scopes.get(key),
    without: (gone) =>
      createScopeMemo(
        limit,
        [...scopes].filter(([, scope]) => !gone(scope)),
      ),
  };
}
