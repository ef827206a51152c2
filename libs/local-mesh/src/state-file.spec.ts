import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  findMeshState,
  type MeshState,
  readMeshState,
  removeMeshState,
  stateFolder,
  writeMeshState,
} from "./state-file.ts";

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "weft-state-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const state = (pid: number): MeshState => ({
  pid,
  pilot: { http: "127.1.0.1:8080", grpc: "127.1.0.1:15010" },
  citadel: { admin: "127.0.0.1:40000" },
  proxies: [],
  url: "http://127.0.0.1:8080",
  runFolder: base,
  startedAt: "2026-01-01T00:00:00Z",
});
/** No process has it: above Linux' largest process id. */
const dead = 4_194_305;

describe("writeMeshState()", () => {
  it("writes a file for this user alone, found again until it is removed", () => {
    const folder = stateFolder({ XDG_RUNTIME_DIR: base });
    const file = writeMeshState(folder, state(process.pid));
    expect(file).toBe(join(folder, "mesh.json"));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(findMeshState({ XDG_RUNTIME_DIR: base })).toEqual(state(process.pid));
    removeMeshState(file, process.pid);
    expect(findMeshState({ XDG_RUNTIME_DIR: base })).toBeUndefined();
  });

  it("leaves the file of another mesh that runs, and takes that of one that died", () => {
    writeFileSync(join(base, "mesh.json"), JSON.stringify(state(process.ppid)));
    expect(writeMeshState(base, state(process.pid))).toBe(join(base, "mesh-2.json"));
    writeFileSync(join(base, "mesh.json"), JSON.stringify(state(dead)));
    expect(readMeshState(join(base, "mesh.json"))).toBeUndefined();
    expect(writeMeshState(base, state(process.pid))).toBe(join(base, "mesh.json"));
  });
});

describe("removeMeshState()", () => {
  it("leaves a file that another mesh has taken", () => {
    const file = join(base, "mesh.json");
    writeFileSync(file, JSON.stringify(state(process.ppid)));
    removeMeshState(file, process.pid);
    expect(existsSync(file)).toBe(true);
  });
});
