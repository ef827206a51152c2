import { readFile } from "node:fs/promises";
import { sep } from "node:path";
import type { CheckObject } from "../source.ts";
import { type ParsedFile, parseFile } from "./parse-file.ts";
import { type FileState, type FilesState, joinFiles, updateFile } from "./reconcile.ts";
import { type FileLimits, type FoundFile, isMissing, type Scan } from "./scan.ts";

/** How files are read. */
export interface ReadOptions {
  readonly limits: FileLimits;
  readonly check: CheckObject;
}

/** Reads those of the files that `before` does not have with the same stamp, and puts all together. */
export async function readFiles(
  scan: Scan,
  before: { readonly state: FilesState; readonly stamps: ReadonlyMap<string, string> },
  options: ReadOptions,
): Promise<FilesState> {
  const known = new Map(before.state.files.map((file) => [file.path, file] as const));
  const files: FileState[] = [];
  for (const file of scan.files) {
    const old = known.get(file.path);
    if (old && before.stamps.get(file.path) === file.stamp) files.push(old);
    else files.push(updateFile(file.path, await readOne(file, options), old));
  }
  const listed = new Set(scan.files.map(({ path }) => path));
  const hidden = before.state.files.filter(({ path }) => !listed.has(path) && isHidden(path, scan));
  return joinFiles([...files, ...hidden], scan.problems);
}

/** Whether a file may still be there, but in a folder that could not be looked into: what it held stays. */
function isHidden(path: string, { problems }: Scan): boolean {
  return [...problems].some(
    ([at, { code }]) => code === "unreadable-file" && (path === at || path.startsWith(at + sep)),
  );
}

async function readOne(file: FoundFile, { limits, check }: ReadOptions): Promise<ParsedFile> {
  if (file.bytes > limits.maxFileBytes)
    return unreadable(file, `has ${file.bytes} bytes; allowed are up to ${limits.maxFileBytes}`);
  try {
    return parseFile(file.path, await readFile(file.path, "utf8"), check);
  } catch (cause) {
    // Gone between scan and reading: the next scan says so.
    const message = isMissing(cause) ? "no such file" : `cannot be read: ${String(cause)}`;
    return unreadable(file, message);
  }
}

function unreadable(file: FoundFile, message: string): ParsedFile {
  const position = { file: file.path, line: 1 };
  const problem = { severity: "error" as const, code: "unreadable-file", path: "", message, position };
  return { objects: [], broken: [], unreadable: true, problems: [problem] };
}
