import type { Problem } from "@weft/base";
import type { MeshObject } from "@weft/mesh-model";
import type { CheckObject } from "../source.ts";
import { readFiles } from "./read-files.ts";
import { noFiles } from "./reconcile.ts";
import { defaultFileLimits, type FileLimits, scanFiles } from "./scan.ts";

/** Settings of {@link loadFiles}. */
export interface LoadFilesOptions {
  /** Checks beyond structure; default: none. */
  readonly check?: CheckObject;
  /** Default: {@link defaultFileLimits}. */
  readonly limits?: Partial<FileLimits>;
}

/** Reads all objects at paths (files and folders) once. Where two files hold an object, the first in order counts. */
export async function loadFiles(
  paths: readonly string[],
  options: LoadFilesOptions = {},
): Promise<{ readonly objects: readonly MeshObject[]; readonly problems: readonly Problem[] }> {
  const limits = { ...defaultFileLimits, ...options.limits };
  const scan = await scanFiles(paths, limits);
  const check = options.check ?? (() => []);
  const state = await readFiles(scan, { state: noFiles, stamps: new Map() }, { limits, check });
  return { objects: [...state.objects.values()], problems: [...state.problems.values()].flat() };
}
