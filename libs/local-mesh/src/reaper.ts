// Run as a process of its own. It is told of every child that the mesh starts (`+PID`) and that has ended (`-PID`), a line
// each on stdin, and ends those that are left when stdin closes: a mesh killed with SIGKILL leaves nothing behind.
// Lines `rm PATH` name what to remove then. Node's own modules only, so that it is small and starts at once.
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";

const graceMs = 4_000;
const groups = new Set<number>();
const paths = new Set<string>();

const signalAll = (signal: NodeJS.Signals | 0): void => {
  for (const group of groups) {
    try {
      process.kill(-group, signal);
    } catch {
      // No such group: it has ended.
      groups.delete(group);
    }
  }
};

// The mesh ends its children itself when it is asked to end; a Ctrl-C in its terminal is none of the reaper's business.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  if (line.startsWith("rm ")) paths.add(line.slice(3));
  else if (line.startsWith("+")) groups.add(Number(line.slice(1)));
  else groups.delete(Number(line.slice(1)));
});
lines.on("close", () => {
  signalAll("SIGTERM");
  const deadline = performance.now() + graceMs;
  const wait = setInterval(() => {
    signalAll(0);
    if (groups.size > 0 && performance.now() < deadline) return;
    signalAll("SIGKILL");
    for (const path of paths) rmSync(path, { force: true, recursive: true });
    clearInterval(wait);
    process.exit(0);
  }, 50);
});
