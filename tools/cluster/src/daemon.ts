import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ClusterError, waitFor } from "./command.ts";
import type { Layout } from "./layout.ts";

/** A program of the cluster that goes on after `npm run cluster` has ended. */
export interface Daemon {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a program in the background, with its output in `logs/NAME.log` and its process id in `pids/NAME`. */
export function startDaemon(at: Layout, daemon: Daemon): void {
  mkdirSync(at.logs, { recursive: true });
  mkdirSync(at.pids, { recursive: true });
  const log = openSync(join(at.logs, `${daemon.name}.log`), "a");
  const child = spawn(daemon.command, daemon.args, {
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...process.env, ...daemon.env },
  });
  closeSync(log);
  if (child.pid === undefined) {
    throw new ClusterError(`${daemon.name} (${daemon.command}) could not be started`);
  }
  child.unref();
  writeFileSync(join(at.pids, daemon.name), `${child.pid}\n`);
}

/** The programs that were started, with whether they run. */
export function daemons(
  at: Layout,
): { readonly name: string; readonly pid: number; readonly running: boolean }[] {
  let names: string[];
  try {
    names = readdirSync(at.pids);
  } catch {
    return [];
  }
  return names.map((name) => {
    const pid = Number(readFileSync(join(at.pids, name), "utf8"));
    return { name, pid, running: isRunning(pid) };
  });
}

/** @throws ClusterError with the end of its log where the program of that name has ended */
export function assertRunning(at: Layout, name: string): void {
  const found = daemons(at).find((daemon) => daemon.name === name);
  if (found?.running) return;
  const log = readFileSync(join(at.logs, `${name}.log`), "utf8");
  throw new ClusterError(`${name} has ended; the end of its log:\n${log.slice(-2000)}`);
}

/** Ends one program: asks it to, and kills it after 10 s. */
export async function stopDaemon(at: Layout, name: string): Promise<void> {
  const found = daemons(at).find((daemon) => daemon.name === name);
  if (!found) return;
  if (found.running) {
    process.kill(found.pid, "SIGTERM");
    const ended = async () => (isRunning(found.pid) ? undefined : true);
    await waitFor(name, ended, { seconds: 10 }).catch(() => process.kill(found.pid, "SIGKILL"));
  }
  rmSync(join(at.pids, name));
}

/** A process that has ended, but that its parent has not yet taken note of, does not count. */
function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat[stat.lastIndexOf(")") + 2] !== "Z";
  } catch {
    return false;
  }
}
