import { type FileHandle, open, rename, stat } from "node:fs/promises";
import { type AuditEntry, type AuditLog, formatAuditEntry } from "./audit-log.ts";

/** Settings of {@link openAuditFile}. */
export interface AuditFileOptions {
  readonly file: string;
  /** The file is renamed to `FILE.1` (and that to `FILE.2` …) at this size; 64 MiB unless told. */
  readonly maxBytes?: number;
  /** Older files that are kept; 4 unless told. */
  readonly keep?: number;
}

/** Entries that wait to be written at most; one more is refused, and with it the request. */
const maxWaiting = 10_000;

interface Waiting {
  readonly line: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Opens the audit log as a file of mode 0600 that is only ever appended to, a line of JSON for each entry. Entries that come together are written together. */
export async function openAuditFile(options: AuditFileOptions): Promise<AuditLog> {
  const { file, maxBytes = 64 * 1024 * 1024, keep = 4 } = options;
  let handle: FileHandle = await open(file, "a", 0o600);
  let size = (await handle.stat()).size;
  let waiting: Waiting[] = [];
  let writing: Promise<void> | undefined;
  let closed: Promise<void> | undefined;

  const turnOver = async () => {
    for (let number = keep - 1; number >= 0; number--) {
      const from = number === 0 ? file : `${file}.${number}`;
      if (await exists(from)) await rename(from, `${file}.${number + 1}`);
    }
    const next = await open(file, "a", 0o600);
    await handle.close();
    handle = next;
    size = 0;
  };
  const run = async () => {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        const data = Buffer.from(batch.map(({ line }) => line).join(""));
        if (size > 0 && size + data.length > maxBytes && keep > 0) await turnOver();
        await handle.appendFile(data);
        size += data.length;
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    writing = undefined;
  };
  return {
    write: (entry: AuditEntry) =>
      new Promise((resolve, reject) => {
        if (closed !== undefined) return reject(new Error(`audit log ${file} is closed`));
        if (waiting.length >= maxWaiting)
          return reject(new Error(`audit log ${file}: ${maxWaiting} entries wait`));
        waiting.push({ line: formatAuditEntry(entry), resolve, reject });
        writing ??= run();
      }),
    close: () => {
      closed ??= (writing ?? Promise.resolve()).then(() => handle.close());
      return closed;
    },
  };
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
