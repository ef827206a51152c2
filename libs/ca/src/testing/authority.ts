import { createFakeClock, type FakeClock } from "@weft/base";
import { createCsr, generateKeyPair, type Secret } from "@weft/pki";
import type { AuditEntry, AuditLog } from "../audit/audit-log.ts";
import { type CertificateAuthority, createCertificateAuthority } from "../authority.ts";
import { openRootStore, type RootStore } from "../root/store.ts";
import type { CaStorage } from "../storage.ts";

/** The time at which specs begin. */
export const start = Date.UTC(2030, 0, 15, 12);
export const hour = 3_600_000;

/** Storage in memory, whose writes can be made to fail. */
export interface MemoryStorage extends CaStorage {
  readonly entries: Map<string, Secret<string>>;
  /** Called before each change; what it throws becomes of the change. */
  beforeChange: (name: string) => void;
}

/** Creates storage in memory. */
export function createMemoryStorage(entries = new Map<string, Secret<string>>()): MemoryStorage {
  const storage: MemoryStorage = {
    description: "memory",
    entries,
    beforeChange: () => {},
    read: async (name) => entries.get(name),
    write: async (name, content) => {
      storage.beforeChange(name);
      entries.set(name, content);
    },
    create: async (name, content) => {
      storage.beforeChange(name);
      if (entries.has(name)) return false;
      entries.set(name, content);
      return true;
    },
    remove: async (name) => {
      storage.beforeChange(name);
      entries.delete(name);
    },
  };
  return storage;
}

/** An audit log that keeps its entries. */
export function createMemoryAudit(): AuditLog & { readonly entries: AuditEntry[]; fail: boolean } {
  const entries: AuditEntry[] = [];
  const log = {
    entries,
    fail: false,
    write: async (entry: AuditEntry) => {
      if (log.fail) throw new Error("disk full");
      entries.push(entry);
    },
    close: async () => {},
  };
  return log;
}

/** A CA with a root of its own, in memory, at a time that stands still. */
export interface TestAuthority {
  readonly clock: FakeClock;
  readonly storage: MemoryStorage;
  readonly store: RootStore;
  readonly authority: CertificateAuthority;
}

/** Creates a {@link TestAuthority}; its root lives 1,000 hours unless told. */
export async function createTestAuthority(
  options: { trustDomain?: string; rootTtlMs?: number } = {},
): Promise<TestAuthority> {
  const { trustDomain = "cluster.local", rootTtlMs = 1_000 * hour } = options;
  const clock = createFakeClock(start);
  const storage = createMemoryStorage();
  const store = await openRootStore({ storage, trustDomain, ttlMs: rootTtlMs, clock });
  const authority = createCertificateAuthority({
    trustDomain,
    source: { kind: "self-signed", store },
    clock,
  });
  return { clock, storage, store, authority };
}

/** A CSR of a new key that asks for these URIs. */
export async function csrFor(...uris: readonly string[]): Promise<string> {
  return createCsr(await generateKeyPair(), { names: { uris } });
}
