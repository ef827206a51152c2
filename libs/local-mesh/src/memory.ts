import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Resident memory of processes, in bytes, by process id; processes that have ended are left out. */
export function readMemory(pids: readonly number[]): Map<number, number> {
  const kilobytes =
    process.platform === "linux" ? pids.map((pid) => [pid, readProc(pid)] as const) : readPs(pids);
  return new Map(kilobytes.flatMap(([pid, size]) => (size === undefined ? [] : [[pid, size * 1024]])));
}

function readProc(pid: number): number | undefined {
  try {
    return (
      Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? Number.NaN) ||
      undefined
    );
  } catch {
    // Ended in the meantime.
    return undefined;
  }
}

function readPs(pids: readonly number[]): (readonly [number, number])[] {
  if (pids.length === 0) return [];
  const text = execFileSync("ps", ["-o", "pid=,rss=", "-p", pids.join(",")], { encoding: "utf8" });
  const lines = text
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  return lines.map(([pid = 0, size = 0]) => [pid, size]);
}
