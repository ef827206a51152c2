import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Memory of a process, in bytes. */
export interface Memory {
  /** Resident; pages that several processes share count in each. */
  readonly rss: number;
  /** Resident, with shared pages divided by who shares them, so that sums are true; known on Linux alone. */
  readonly pss?: number;
}

/** Memory of processes by their ids; those that have ended are left out. */
export function readMemory(pids: readonly number[]): Map<number, Memory> {
  const entries =
    process.platform === "linux" ? pids.map((pid) => [pid, readProc(pid)] as const) : readPs(pids);
  return new Map(entries.flatMap(([pid, memory]) => (memory === undefined ? [] : [[pid, memory]])));
}

function readProc(pid: number): Memory | undefined {
  try {
    // https://docs.kernel.org/filesystems/proc.html: sums over all of the process's memory
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    const bytes = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1024;
    return { rss: bytes("Rss"), pss: bytes("Pss") };
  } catch {
    // Ended in the meantime.
    return undefined;
  }
}

function readPs(pids: readonly number[]): (readonly [number, Memory])[] {
  if (pids.length === 0) return [];
  const text = execFileSync("ps", ["-o", "pid=,rss=", "-p", pids.join(",")], { encoding: "utf8" });
  const lines = text
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  return lines.map(([pid = 0, kilobytes = 0]) => [pid, { rss: kilobytes * 1024 }]);
}
