import { formatObjectRef, type Problem } from "@weft/base";
import { type MeshObject, objectKey, refOf, type SourceEvent } from "@weft/mesh-model";
import type { ParsedFile } from "./parse-file.ts";

/** What a file stands for: its sound objects, and the last good ones where it is broken. */
export interface FileState {
  readonly path: string;
  readonly objects: ReadonlyMap<string, MeshObject>;
  readonly problems: readonly Problem[];
}

/** The whole of a source. */
export interface FilesState {
  /** In order: the first file that holds an object has it. */
  readonly files: readonly FileState[];
  readonly objects: ReadonlyMap<string, MeshObject>;
  readonly problems: ReadonlyMap<string, readonly Problem[]>;
}

/** Nothing read yet. */
export const noFiles: FilesState = { files: [], objects: new Map(), problems: new Map() };

/** The state of a file after it was read (again); what is broken stays as it was in `before`. */
export function updateFile(path: string, parsed: ParsedFile, before: FileState | undefined): FileState {
  if (parsed.unreadable) return { path, objects: before?.objects ?? new Map(), problems: parsed.problems };
  const objects = new Map<string, MeshObject>();
  const problems = [...parsed.problems];
  for (const object of parsed.objects) {
    const key = objectKey(refOf(object));
    const first = objects.get(key);
    if (first === undefined) objects.set(key, object);
    else problems.push(duplicate(object, first));
  }
  for (const key of parsed.broken) {
    const good = before?.objects.get(key);
    if (good !== undefined && !objects.has(key)) objects.set(key, good);
  }
  return { path, objects, problems };
}

/** Puts the files together: each object from the first file that holds it. */
export function joinFiles(
  files: readonly FileState[],
  scanProblems: ReadonlyMap<string, Problem>,
): FilesState {
  const objects = new Map<string, MeshObject>();
  const problems = new Map<string, Problem[]>();
  for (const [path, problem] of scanProblems) problems.set(path, [problem]);
  for (const file of files) {
    const told = [...(problems.get(file.path) ?? []), ...file.problems];
    for (const [key, object] of file.objects) {
      const first = objects.get(key);
      if (first === undefined) objects.set(key, object);
      else told.push(duplicate(object, first));
    }
    if (told.length > 0) problems.set(file.path, told);
  }
  return { files, objects, problems };
}

/** What to tell a sink that knows `before` so that it knows `now`. */
export function diffStates(before: FilesState, now: FilesState): readonly SourceEvent[] {
  const events: SourceEvent[] = [];
  for (const [key, object] of now.objects)
    if (before.objects.get(key) !== object) events.push({ kind: "upsert", object });
  for (const [key, object] of before.objects)
    if (!now.objects.has(key)) events.push({ kind: "delete", ref: refOf(object) });
  for (const [origin, problems] of now.problems)
    if (JSON.stringify(before.problems.get(origin)) !== JSON.stringify(problems))
      events.push({ kind: "problems", origin, problems });
  for (const origin of before.problems.keys())
    if (!now.problems.has(origin)) events.push({ kind: "problems", origin, problems: [] });
  return events;
}

function duplicate(object: MeshObject, first: MeshObject): Problem {
  const ref = refOf(object);
  const other = `${first.position?.file}:${first.position?.line}`;
  const problem: Problem = {
    severity: "error",
    code: "duplicate-object",
    path: "",
    message: `${formatObjectRef(ref)} stands already in ${other}, which counts; this one is not used`,
    object: ref,
  };
  return object.position ? { ...problem, position: object.position } : problem;
}
