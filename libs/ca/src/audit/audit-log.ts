/** One line of the audit log. It holds no token, no key and no request. */
export type AuditEntry = IssuedEntry | RefusedEntry;

/** A certificate was issued. */
export interface IssuedEntry {
  readonly event: "issued";
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly identity: string;
  /** Who asked; another than `identity` only where a node account asked for a workload. */
  readonly caller: string;
  readonly authenticator: string;
  readonly serialNumber: string;
  readonly notBefore: number;
  readonly notAfter: number;
  /** Address of the caller. */
  readonly peer: string;
}

/** A request was refused. */
export interface RefusedEntry {
  readonly event: "refused";
  readonly time: number;
  readonly reason: string;
  /** Where the caller is known. */
  readonly caller?: string;
  readonly authenticator?: string;
  readonly peer: string;
  /** Refusals that were left out before this one, as there were too many. */
  readonly leftOut?: number;
}

/** Takes down what the CA did. */
export interface AuditLog {
  /** Resolves when the entry is written. Rejects where it cannot be: then no certificate may be given out. */
  write(entry: AuditEntry): Promise<void>;
  /** Writes what waits. Idempotent. */
  close(): Promise<void>;
}

/** An entry as one line of JSON, with times that people can read. */
export function formatAuditEntry(entry: AuditEntry): string {
  const time = (ms: number) => new Date(ms).toISOString();
  const readable =
    entry.event === "issued"
      ? { ...entry, notBefore: time(entry.notBefore), notAfter: time(entry.notAfter) }
      : { ...entry, reason: entry.reason.slice(0, 1_000) };
  return `${JSON.stringify({ ...readable, time: time(entry.time) })}\n`;
}
