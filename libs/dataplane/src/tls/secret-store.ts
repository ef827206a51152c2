import type { SecretRef, SecretValue } from "./secret.ts";

/** The secrets that have come, by key. */
export interface SecretStore {
  /** The present value; undefined while there is none. */
  get(ref: SecretRef): SecretValue | undefined;
  set(ref: SecretRef, value: SecretValue, version: string): void;
  /** The source has no such secret any more: who needs it refuses connections. */
  remove(ref: SecretRef): void;
  /** Forgets all but these. */
  retain(refs: ReadonlyMap<string, SecretRef>): void;
  /** Calls `fn` once all are there: now, if so already. The returned function gives up. */
  whenReady(refs: readonly SecretRef[], fn: () => void): () => void;
  /** All that are kept or waited for, for dumps. */
  readonly records: ReadonlyMap<string, SecretRecord>;
}

/** A secret with its history, for `/config_dump`. */
export interface SecretRecord {
  readonly ref: SecretRef;
  readonly value: SecretValue | undefined;
  /** As the source said it; empty for files. */
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly lastUpdated: number;
}

/** Creates an empty store. `now`: milliseconds since the epoch. */
export function createSecretStore(now: () => number): SecretStore {
  const records = new Map<string, SecretRecord>();
  const waiting = new Set<() => void>();
  const has = ({ key }: SecretRef) => records.get(key)?.value !== undefined;
  return {
    records,
    get: ({ key }) => records.get(key)?.value,
    set(ref, value, version) {
      records.set(ref.key, { ref, value, version, lastUpdated: now() });
      for (const check of [...waiting]) check();
    },
    remove(ref) {
      if (records.has(ref.key))
        records.set(ref.key, { ref, value: undefined, version: "", lastUpdated: now() });
    },
    retain(refs) {
      for (const key of records.keys()) if (!refs.has(key)) records.delete(key);
      for (const [key, ref] of refs) {
        if (!records.has(key)) records.set(key, { ref, value: undefined, version: "", lastUpdated: now() });
      }
    },
    whenReady(refs, fn) {
      const check = () => {
        if (!refs.every(has)) return;
        waiting.delete(check);
        fn();
      };
      waiting.add(check);
      check();
      return () => waiting.delete(check);
    },
  };
}
