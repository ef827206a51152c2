import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createBackoff, systemClock } from "@weft/base";

/** A program to run. */
export interface ProcessSpec {
  /** Unique among the mesh's processes; names the log file. */
  readonly name: string;
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A program that runs, and is started again when it ends without having been asked to. */
export interface RunningProcess {
  readonly name: string;
  /** Of the process that runs now. */
  readonly pid: number | undefined;
  readonly logFile: string;
  /** How often it ended by itself. */
  readonly restarts: number;
  /** Resolves with what went wrong when the program could not be started at all. */
  readonly failed: Promise<Error>;
  /** SIGTERM, then SIGKILL after the grace period, to the process and all it started; resolves when it has ended. */
  stop(): Promise<void>;
}

/** Starts processes and sees to it that none outlives the mesh, however the mesh ends. */
export interface Processes {
  start(spec: ProcessSpec): RunningProcess;
  /** Removes a file or folder should the mesh be killed before it can. */
  removeAtEnd(path: string): void;
  readonly all: readonly RunningProcess[];
  /** Id of the process that cleans up behind a mesh that was killed. */
  readonly reaperPid: number | undefined;
  /** Stops everything, all at once; idempotent. */
  close(): Promise<void>;
}

const restartDelay = { initialMs: 200, maxMs: 5_000, random: Math.random };
/** Time between SIGTERM and SIGKILL. */
const graceMs = 5_000;

/** Settings of {@link createProcesses}. */
export interface ProcessesOptions {
  /** What each process prints goes to a file here. */
  readonly logFolder: string;
  /** Environment variables that every process gets besides its own. */
  readonly env: Readonly<Record<string, string>>;
}

/** Creates {@link Processes}. */
export function createProcesses(options: ProcessesOptions): Processes {
  mkdirSync(options.logFolder, { recursive: true });
  const reaper = spawn(
    process.execPath,
    ["--no-warnings", fileURLToPath(new URL("./reaper.ts", import.meta.url))],
    {
      stdio: ["pipe", "ignore", "ignore"],
      env: options.env,
      detached: true,
    },
  );
  const tell = (line: string) => reaper.stdin.write(`${line}\n`);
  // A reaper that died cannot be told anything; the mesh goes on without that last safety.
  reaper.stdin.on("error", () => {});
  const all: RunningProcess[] = [];
  let closing: Promise<void> | undefined;
  return {
    all,
    get reaperPid() {
      return reaper.pid;
    },
    start: (spec) => {
      if (closing !== undefined) throw new Error(`${spec.name}: the mesh is stopping`);
      const running = runProcess(
        { ...spec, env: { ...options.env, ...spec.env } },
        join(options.logFolder, `${spec.name}.log`),
        tell,
      );
      all.push(running);
      return running;
    },
    removeAtEnd: (path) => {
      tell(`rm ${path}`);
    },
    close: () => {
      closing ??= (async () => {
        await Promise.all(all.map((running) => running.stop()));
        const ended = new Promise((resolve) => reaper.once("exit", resolve));
        reaper.stdin.end();
        if (reaper.exitCode === null && reaper.signalCode === null) await ended;
      })();
      return closing;
    },
  };
}

function runProcess(spec: ProcessSpec, logFile: string, tell: (line: string) => void): RunningProcess {
  // The child writes to the file itself: nothing of it waits on this process, and nothing breaks when this one is killed.
  const log = openSync(logFile, "a");
  const backoff = createBackoff(restartDelay);
  const { promise: failed, resolve: fail } = Promise.withResolvers<Error>();
  const { promise: stopped, resolve: resolveStopped } = Promise.withResolvers<void>();
  let child: ChildProcess | undefined;
  let restarts = 0;
  let stopping = false;
  let cancelRestart = () => {};

  const finish = () => {
    closeSync(log);
    resolveStopped();
  };
  const start = () => {
    const [program = "", ...args] = spec.command;
    // A group of its own: a signal can reach what it started too, and the terminal's Ctrl-C does not.
    child = spawn(program === "node" ? process.execPath : program, args, {
      cwd: spec.cwd,
      env: spec.env,
      detached: true,
      stdio: ["ignore", log, log],
    });
    const { pid } = child;
    if (pid === undefined) {
      child.once("error", (error) => {
        writeSync(log, `weft: cannot start ${spec.command.join(" ")}: ${error.message}\n`);
        fail(error);
        finish();
      });
      return;
    }
    tell(`+${pid}`);
    child.once("exit", (code, signal) => {
      killQuietly(-pid, "SIGKILL");
      tell(`-${pid}`);
      if (stopping) return finish();
      restarts++;
      const delay = backoff.next();
      const how = signal ?? `exit code ${code}`;
      writeSync(log, `weft: ${spec.name} ended (${how}), starting again in ${delay.toFixed(0)} ms\n`);
      const timer = setTimeout(start, delay);
      cancelRestart = () => {
        clearTimeout(timer);
        finish();
      };
    });
  };
  start();

  const runningPid = () => (child?.exitCode === null && child.signalCode === null ? child.pid : undefined);
  return {
    name: spec.name,
    get pid() {
      return runningPid();
    },
    logFile,
    get restarts() {
      return restarts;
    },
    failed,
    stop: () => {
      if (stopping) return stopped;
      stopping = true;
      const pid = runningPid();
      if (pid === undefined) {
        cancelRestart();
        return stopped;
      }
      killQuietly(pid, "SIGTERM");
      const cancel = systemClock.after(graceMs, () => killQuietly(-pid, "SIGKILL"));
      return stopped.finally(cancel);
    },
  };
}

/** Signals a process, or a group where `pid` is negative; one that has ended already is as wished. */
function killQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // No such process.
  }
}
