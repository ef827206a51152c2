import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Problem } from "@weft/base";

/** Bounds of what is read from files. */
export interface FileLimits {
  /** Largest file, in bytes. */
  readonly maxFileBytes: number;
  /** Files of one source. */
  readonly maxFiles: number;
  /** Depth of folders. */
  readonly maxDepth: number;
}

/** 4 MiB per file, 10,000 files, 16 folders deep. */
export const defaultFileLimits: FileLimits = { maxFileBytes: 4 << 20, maxFiles: 10_000, maxDepth: 16 };

/** A file found, and a stamp that changes whenever its content may have. */
export interface FoundFile {
  readonly path: string;
  readonly bytes: number;
  readonly stamp: string;
}

/** What a scan found. */
export interface Scan {
  /** In order: that of the paths given, in each folder by name. Each file once. */
  readonly files: readonly FoundFile[];
  /** By the path they are about. */
  readonly problems: ReadonlyMap<string, Problem>;
}

const isConfig = (name: string): boolean => /\.(ya?ml|json)$/i.test(name);

/**
 * Finds the configuration files (.yaml, .yml, .json) at paths and in the folders below them. Names that start with a
 * dot are passed over, as are the `..data` folders of mounted ConfigMaps, whose files are reached by their links.
 */
export async function scanFiles(paths: readonly string[], limits: FileLimits): Promise<Scan> {
  const scan = { files: new Map<string, FoundFile>(), problems: new Map<string, Problem>(), limits };
  for (const path of paths) await visit(path, 0, new Set(), scan);
  return { files: [...scan.files.values()], problems: scan.problems };
}

interface Scanning {
  readonly files: Map<string, FoundFile>;
  readonly problems: Map<string, Problem>;
  readonly limits: FileLimits;
}

async function visit(
  path: string,
  depth: number,
  parents: ReadonlySet<string>,
  scan: Scanning,
): Promise<void> {
  const { limits } = scan;
  try {
    const info = await stat(path, { bigint: true });
    if (info.isDirectory()) {
      const real = await realpath(path);
      if (parents.has(real)) return; // A link to a folder above.
      if (depth > limits.maxDepth)
        return void tell(scan, path, `is more than ${limits.maxDepth} folders deep; it is not read`);
      const names = await readdir(path);
      const wanted = names.filter((name) => !name.startsWith(".")).sort();
      for (const name of wanted) await visit(join(path, name), depth + 1, new Set([...parents, real]), scan);
    } else if (info.isFile() && (depth === 0 || isConfig(path)) && !scan.files.has(path)) {
      if (scan.files.size >= limits.maxFiles)
        return void tell(scan, path, `is one of more than ${limits.maxFiles} files; it is not read`);
      const stamp = `${info.dev}:${info.ino}:${info.size}:${info.mtimeNs}:${info.ctimeNs}`;
      scan.files.set(path, { path, bytes: Number(info.size), stamp });
    }
  } catch (cause) {
    // Below the top a file may go between listing and looking: the next scan will not list it.
    if (depth > 0 && isMissing(cause)) return;
    if (isMissing(cause)) tell(scan, path, "no such file or folder", "no-such-file");
    else tell(scan, path, `cannot be read: ${String(cause)}`);
  }
}

function tell(scan: Scanning, file: string, message: string, code = "unreadable-file"): void {
  const position = { file, line: 1 };
  scan.problems.set(file, { severity: "error", code, path: "", message, position });
}

/** Whether an error says that a file is not there. */
export function isMissing(cause: unknown): boolean {
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
  return code === "ENOENT" || code === "ENOTDIR";
}
