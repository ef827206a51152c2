import type { RouteTable } from "../runtime/route.ts";

/** The route tables that RDS has sent, by name. */
export interface RouteStore {
  /** The present table; undefined where there is none. */
  get(name: string): RouteTable | undefined;
  set(name: string, table: RouteTable): void;
  /** The server has answered that it knows no such table: nobody needs to wait for it. */
  setAbsent(name: string): void;
  /** Forgets the names that are not wanted any more. */
  retain(names: ReadonlySet<string>): void;
  /** Calls `fn` once the server has answered for all names: now, if so already. The returned function gives up. */
  whenAnswered(names: readonly string[], fn: () => void): () => void;
}

/** Creates an empty store. */
export function createRouteStore(): RouteStore {
  const tables = new Map<string, RouteTable | undefined>();
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const check of [...waiting]) check();
  };
  return {
    get: (name) => tables.get(name),
    set(name, table) {
      tables.set(name, table);
      wake();
    },
    setAbsent(name) {
      if (!tables.has(name)) tables.set(name, undefined);
      wake();
    },
    retain(names) {
      for (const name of tables.keys()) if (!names.has(name)) tables.delete(name);
    },
    whenAnswered(names, fn) {
      const check = () => {
        if (!names.every((name) => tables.has(name))) return;
        waiting.delete(check);
        fn();
      };
      waiting.add(check);
      check();
      return () => waiting.delete(check);
    },
  };
}
