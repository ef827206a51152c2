import { type ChildProcess, spawn } from "node:child_process";
import type { ProxyCommand } from "./command.ts";

/** How a process ended. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not be started at all. */
  readonly error?: Error;
}

/** A started process. */
export interface RunningProcess {
  /** Absent where it could not be started. */
  readonly pid: number | undefined;
  /** Resolves once, when the process has ended. */
  readonly exited: Promise<ProcessExit>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts a process; a test's own instead of {@link startProcess}. */
export type StartProcess = (command: ProxyCommand) => RunningProcess;

/** Starts the proxy with this process's output streams, and sees to it that it does not outlive this process. */
export const startProcess: StartProcess = ({ file, args, env }) => {
  const child = spawn(file, args, { stdio: ["ignore", "inherit", "inherit"], env: { ...env } });
  const guard = child.pid === undefined ? undefined : startGuard(child.pid);
  const exited = new Promise<ProcessExit>((resolve) => {
    child.once("error", (error) => resolve({ code: null, signal: null, error }));
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  void exited.then(() => guard?.kill("SIGKILL"));
  return { pid: child.pid, exited, kill: (signal) => child.kill(signal) };
};

/**
 * Starts a shell that kills `pid` when this process is gone, whatever ended it: its standard input is a pipe whose other end only
 * this process holds. (Node has no prctl(PR_SET_PDEATHSIG), and Envoy cannot be taught to look for its parent.)
 */
function startGuard(pid: number): ChildProcess {
  const script = 'trap "" INT TERM HUP; read -r _; kill -9 "$1"';
  const guard = spawn("/bin/sh", ["-c", script, "weft-guard", String(pid)], {
    stdio: ["pipe", "ignore", "ignore"],
  });
  guard.unref();
  // Where there is no shell the proxy runs unguarded: a container has one parent for all, and no orphans.
  guard.on("error", () => {});
  guard.stdin?.on("error", () => {});
  return guard;
}
