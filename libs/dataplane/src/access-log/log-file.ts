import { close, open, write } from "node:fs";
import { promisify } from "node:util";
import type { Clock } from "@weft/base";
import type { StatsScope } from "../runtime/stats.ts";

/** Takes lines and writes them out in the background. */
export interface LogFile {
  write(line: string): void;
  /** Writes what is left and closes. Idempotent. */
  close(): Promise<void>;
}

/** Parts of {@link openLogFile}. */
export interface LogFileOptions {
  readonly path: string;
  readonly clock: Clock;
  /** Longest time a line waits; 10,000 ms in Envoy (`--file-flush-interval-msec`). */
  readonly flushIntervalMs: number;
  /** The process's scope. */
  readonly stats: StatsScope;
}

const openFile = promisify(open);
const writeFile = promisify(write);

/** A batch of this size is written at once. */
const batchBytes = 64 * 1024;
/** What waits beyond this is dropped and counted, so that a full disk or a stuck reader costs lines and not memory. */
const maxWaitingBytes = 4 * 1024 * 1024;

/** Opens a file to append to; `/dev/stdout` and `/dev/stderr` are the process's own. Opened at the first line. */
export function openLogFile(options: LogFileOptions): LogFile {
  const { path, clock, flushIntervalMs, stats } = options;
  let waiting: string[] = [];
  let waitingBytes = 0;
  let fd: number | undefined = { "/dev/stdout": 1, "/dev/stderr": 2 }[path];
  const own = fd === undefined;
  let busy: Promise<void> | undefined;
  let cancel: (() => void) | undefined;
  let closed = false;

  const writeAll = async (data: Buffer) => {
    fd ??= await openFile(path, "a", 0o644);
    for (let at = 0; at < data.length; ) {
      const { bytesWritten } = await writeFile(fd, data, at);
      at += bytesWritten;
    }
  };
  const flush = (): Promise<void> => {
    cancel?.();
    cancel = undefined;
    if (busy !== undefined || waiting.length === 0) return busy ?? Promise.resolve();
    const data = Buffer.from(waiting.join(""));
    waiting = [];
    waitingBytes = 0;
    busy = writeAll(data)
      .catch(() => stats.counter("filesystem.write_failed").inc())
      .then(() => {
        busy = undefined;
        if (waitingBytes >= batchBytes || closed) return flush();
        if (waiting.length > 0) arm();
        return undefined;
      });
    return busy;
  };

  const arm = () => {
    cancel ??= clock.after(flushIntervalMs, () => void flush());
  };

  return {
    write(line) {
      if (closed || waitingBytes > maxWaitingBytes) {
        stats.counter("filesystem.write_dropped").inc();
        return;
      }
      waiting.push(line);
      waitingBytes += line.length;
      if (waitingBytes >= batchBytes) void flush();
      else arm();
    },
    async close() {
      if (closed) return;
      closed = true;
      await busy;
      await flush();
      if (own && fd !== undefined) close(fd);
    },
  };
}
