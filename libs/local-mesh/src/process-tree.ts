import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** Ids of the processes that a process has started and that still run, by the parent's id. */
export function readChildren(): Map<number, number[]> {
  const pairs = process.platform === "linux" ? readProc() : readPs();
  const children = new Map<number, number[]>();
  for (const [pid, parent] of pairs) {
    const known = children.get(parent);
    if (known === undefined) children.set(parent, [pid]);
    else known.push(pid);
  }
  return children;
}

function readProc(): (readonly [pid: number, parent: number])[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        // `pid (command) state ppid …`, and the command may hold anything, closing brackets too.
        const stat = readFileSync(`/proc/${name}/stat`, "latin1");
        const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        return state === "Z" ? [] : [[Number(name), Number(parent)] as const];
      } catch {
        // Ended in the meantime.
        return [];
      }
    });
}

function readPs(): (readonly [pid: number, parent: number])[] {
  const text = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" });
  return text
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([pid = 0, parent = 0]) => [pid, parent]);
}
