import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

/** What a running mesh says of itself, so that `weftctl` finds its parts: in `mesh.json`, or in the file that $WEFT_MESH names. */
export interface MeshState {
  /** Process that runs the control plane and everything else. */
  readonly pid: number;
  readonly pilot: { readonly http: string; readonly grpc: string };
  /** Where citadel is administered. */
  readonly citadel: { readonly admin: string };
  /** Proxies by `<pod>.<namespace>`, with the host and port of their admin API. */
  readonly proxies: readonly { readonly name: string; readonly admin: string }[];
  /** Where the ingress gateway answers. */
  readonly url: string;
  readonly runFolder: string;
  readonly startedAt: string;
}

/** Folder of this user's meshes: `$XDG_RUNTIME_DIR/weft-<uid>`, or in the system's folder for temporary files. */
export function stateFolder(env: NodeJS.ProcessEnv): string {
  return join(env.XDG_RUNTIME_DIR ?? tmpdir(), `weft-${userInfo().uid}`);
}

/** Most meshes of one user at a time. */
const maxMeshes = 20;

/** The file of a user's first mesh, which `weftctl` looks for. */
export const defaultStateFile = "mesh.json";

/** `mesh.json` for the first mesh, `mesh-2.json` for one beside it, and so on. */
export function stateFiles(folder: string): string[] {
  return Array.from({ length: maxMeshes }, (_, index) =>
    join(folder, index === 0 ? defaultStateFile : `mesh-${index + 1}.json`),
  );
}

/** Reads a state file; undefined where there is none, or where the mesh that wrote it has died. */
export function readMeshState(file: string): MeshState | undefined {
  try {
    const state = JSON.parse(readFileSync(file, "utf8")) as MeshState;
    return isAlive(state.pid) ? state : undefined;
  } catch {
    // Absent, or half written by a process that died: either way no mesh answers for it.
    return undefined;
  }
}

/** The state of the mesh that `weftctl` talks to: of $WEFT_MESH where set, else of the user's first one. */
export function findMeshState(env: NodeJS.ProcessEnv): MeshState | undefined {
  if (env.WEFT_MESH !== undefined) return readMeshState(env.WEFT_MESH);
  for (const file of stateFiles(stateFolder(env))) {
    const state = readMeshState(file);
    if (state !== undefined) return state;
  }
  return undefined;
}

/** Writes the state to the first file that no living mesh has, readable by this user alone; returns the file. */
export function writeMeshState(folder: string, state: MeshState): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = stateFiles(folder).find(
    (candidate) => (readMeshState(candidate)?.pid ?? state.pid) === state.pid,
  );
  if (file === undefined) throw new Error(`${maxMeshes} meshes run already`);
  const draft = `${file}.${state.pid}`;
  writeFileSync(draft, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(draft, file);
  return file;
}

/** Removes a state file, unless another mesh has taken it over. */
export function removeMeshState(file: string, pid: number): void {
  const owner = readMeshState(file)?.pid;
  if (owner === undefined || owner === pid) rmSync(file, { force: true });
}

/** Whether a process with this id runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
