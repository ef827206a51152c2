import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { Manifest } from "./manifests.ts";
import { isAlive } from "./state-file.ts";

/** The folder of one run of a mesh; it stays for a look at the logs, until newer runs push it out. */
export interface RunFolder {
  readonly path: string;
  /** The mesh's own objects, for pilot-discovery to watch beside the user's. */
  readonly objects: string;
  readonly logs: string;
  /** Folder of one proxy, by its IP: its bootstrap, and its sockets, whose paths may have 103 characters at most. */
  proxy(podIp: string): string;
  /** Replaces the mesh's own objects, a file for each kind. */
  writeObjects(objects: readonly Manifest[]): void;
}

/** Runs that are kept besides those that still go on. */
const keptRuns = 5;

/** Creates the folder of a run below `stateFolder`, readable by this user alone, and removes all but the latest old ones. */
export function createRunFolder(stateFolder: string, startedAt: Date, pid: number): RunFolder {
  const runs = join(stateFolder, "runs");
  mkdirSync(runs, { recursive: true, mode: 0o700 });
  const old = readdirSync(runs)
    .filter((name) => !isAlive(Number(name.split("-").at(-1))))
    .map((name) => ({
      folder: join(runs, name),
      at: statSync(join(runs, name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
    }))
    .sort((a, b) => b.at - a.at);
  for (const { folder } of old.slice(keptRuns - 1)) rmSync(folder, { recursive: true, force: true });
  // Short, for the sake of the sockets below it.
  const stamp = startedAt.toISOString().slice(5, 19).replace(/[-:]/g, "").replace("T", "-");
  const path = join(runs, `${stamp}-${pid}`);
  const objects = join(path, "mesh");
  const logs = join(path, "logs");
  for (const folder of [path, objects, logs]) mkdirSync(folder, { mode: 0o700 });
  return {
    path,
    objects,
    logs,
    proxy: (podIp) => {
      const folder = join(path, "proxies", podIp);
      mkdirSync(folder, { recursive: true });
      return folder;
    },
    writeObjects: (all) => {
      for (const [kind, group] of Map.groupBy(all, (object) => object.kind)) {
        const text = group.map((object) => stringify(object, { aliasDuplicateObjects: false })).join("---\n");
        writeFileSync(join(objects, `${kind.toLowerCase()}.yaml`), text);
      }
    },
  };
}
