/** Keeps results by key, so that equal questions share one answer. At most `limit`; beyond, it starts anew. */
export interface Memo {
  get<T>(key: string, make: () => T): T;
}

/** Creates an empty {@link Memo}. */
export function createMemo(limit: number): Memo {
  const results = new Map<string, unknown>();
  return {
    get: <T>(key: string, make: () => T): T => {
      if (results.has(key)) return results.get(key) as T; // Each key is used with one type, by its only caller.
      const result = make();
      if (results.size >= limit) results.clear();
      results.set(key, result);
      return result;
    },
  };
}
