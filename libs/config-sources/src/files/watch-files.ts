import { type Clock, systemClock } from "@weft/base";
import { watch } from "chokidar";
import type { CheckObject, ConfigSource, EventSink } from "../source.ts";
import { readFiles } from "./read-files.ts";
import { diffStates, type FilesState, noFiles } from "./reconcile.ts";
import { defaultFileLimits, type FileLimits, type Scan, scanFiles } from "./scan.ts";

/** Settings of {@link watchFiles}. */
export interface WatchFilesOptions {
  /** Files and folders; where two hold an object, the first in order counts. */
  readonly paths: readonly string[];
  readonly sink: EventSink;
  /** Checks beyond structure; default: none. */
  readonly check?: CheckObject;
  readonly limits?: Partial<FileLimits>;
  /** How long files must have been quiet before they are read, so that half a file is not taken for the whole. */
  readonly quietMs?: number;
  /** How often to look even if nothing was told: not every file system tells. */
  readonly rescanMs?: number;
  readonly clock?: Clock;
}

/** A file that is written to without end is read after this many looks. */
const maxLooks = 25;

/** Watches files and folders; see {@link ConfigSource}. A change reaches the sink within a few `quietMs`. */
export function watchFiles(options: WatchFilesOptions): ConfigSource {
  const { paths, sink, quietMs = 15, rescanMs = 5_000, clock = systemClock } = options;
  const limits = { ...defaultFileLimits, ...options.limits };
  const check = options.check ?? (() => []);
  let state: FilesState = noFiles;
  let stamps: ReadonlyMap<string, string> = new Map();
  let told = false;
  let closed = false;
  let running: Promise<void> = Promise.resolve();
  let hinted = false;
  let cancelHint = (): void => {};
  let cancelRescan = (): void => {};
  const synced = Promise.withResolvers<void>();

  /** Scans until two scans in a row agree, reads what has changed, and tells the sink. */
  const look = async (): Promise<void> => {
    let scan = await scanFiles(paths, limits);
    // The first time there is nobody to be hurt by half a file: the second look will mend it.
    for (let looks = 0; told && !closed && looks < maxLooks && changed(scan, stamps); looks++) {
      await pause(clock, quietMs);
      const next = await scanFiles(paths, limits);
      const quiet = sameStamps(scan, next);
      scan = next;
      if (quiet) break;
    }
    if (closed) return;
    const now = await readFiles(scan, { state, stamps }, { limits, check });
    if (closed) return;
    const events = diffStates(state, now);
    state = now;
    stamps = stampsOf(scan);
    for (const event of events) sink(event);
    if (!told) sink({ kind: "synced" });
    told = true;
    synced.resolve();
    cancelRescan();
    cancelRescan = clock.after(rescanMs, lookAgain);
  };
  const lookAgain = (): void => {
    hinted = false;
    if (!closed) running = running.then(look);
  };
  /** Hints that come before the look are one. They do not put it off, as a busy file would for ever. */
  const hint = (): void => {
    if (hinted || closed) return;
    hinted = true;
    cancelHint = clock.after(quietMs, lookAgain);
  };

  // What it tells is only a hint to look: links that are swapped, as in mounted ConfigMaps, show as raw events alone.
  const watcher = watch([...paths], { ignoreInitial: true, depth: limits.maxDepth });
  watcher.on("all", hint).on("raw", hint).on("ready", hint);
  // A watch that cannot be had (too many files) costs time, not correctness: the looks every rescanMs remain.
  watcher.on("error", hint);
  running = look();

  return {
    name: `files ${paths.join(", ")}`,
    synced: synced.promise,
    close: async () => {
      closed = true;
      cancelHint();
      cancelRescan();
      synced.resolve();
      await watcher.close();
      await running;
    },
  };
}

function stampsOf(scan: Scan): ReadonlyMap<string, string> {
  return new Map(scan.files.map(({ path, stamp }) => [path, stamp]));
}

function changed(scan: Scan, stamps: ReadonlyMap<string, string>): boolean {
  return (
    scan.files.length !== stamps.size || scan.files.some(({ path, stamp }) => stamps.get(path) !== stamp)
  );
}

function sameStamps(a: Scan, b: Scan): boolean {
  return !changed(a, stampsOf(b));
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}
