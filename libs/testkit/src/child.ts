import { type ChildProcess, spawn } from "node:child_process";

/** Options of {@link startChild}. */
export interface ChildOptions {
  readonly args?: readonly string[];
  readonly cwd?: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Line or part of it that says the process is ready, on either output. Default: ready once started. */
  readonly ready?: RegExp;
  /** How long it may take to be ready, in milliseconds. Default 10,000. */
  readonly readyTimeoutMs?: number;
}

/** A child process of a test. */
export interface Child {
  readonly pid: number;
  /** The last 64 KiB of both outputs, in the order they came. */
  output(): string;
  /** Settles when it has ended: its exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** Sends SIGTERM, and SIGKILL after two seconds, to all of its group; done when it has ended. May be called again. */
  stop(): Promise<void>;
}

const outputLimit = 64 * 1024;

/**
 * Starts a process with a process group of its own, so that what it starts ends with it. Whatever a test forgets to
 * stop is killed when this process exits.
 * @throws where it does not start, ends before it is ready, or is not ready in time; with its output
 */
export async function startChild(command: string, options: ChildOptions = {}): Promise<Child> {
  const started = spawn(command, options.args ?? [], {
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let output = "";
  const listeners = new Set<() => void>();
  const take = (chunk: string) => {
    output = (output + chunk).slice(-outputLimit);
    for (const listener of listeners) listener();
  };
  started.stdout.setEncoding("utf8").on("data", take);
  started.stderr.setEncoding("utf8").on("data", take);
  const exited = exitOf(started);
  await new Promise<void>((resolve, reject) => started.once("spawn", resolve).once("error", reject));
  const pid = started.pid as number; // set once spawned
  const killNow = () => signalGroup(pid, "SIGKILL");
  process.once("exit", killNow);
  void exited.then(() => process.off("exit", killNow));
  const child: Child = { pid, output: () => output, exited, stop: () => stop(pid, exited) };
  if (options.ready === undefined) return child;
  try {
    await readiness(child, options.ready, options.readyTimeoutMs ?? 10_000, listeners);
    return child;
  } catch (error) {
    await child.stop();
    throw error;
  }
}

function readiness(
  child: Child,
  ready: RegExp,
  timeoutMs: number,
  listeners: Set<() => void>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (what: string) => reject(new Error(`process ${child.pid} ${what}\n${child.output()}`));
    const timer = setTimeout(() => fail(`did not say ${ready} within ${timeoutMs} ms`), timeoutMs);
    const look = () => {
      if (!ready.test(child.output())) return;
      clearTimeout(timer);
      listeners.delete(look);
      resolve();
    };
    listeners.add(look);
    void child.exited.then((code) => {
      clearTimeout(timer);
      fail(`ended (${code}) before it said ${ready}`);
    });
    look();
  });
}

async function stop(pid: number, exited: Promise<unknown>): Promise<void> {
  signalGroup(pid, "SIGTERM");
  const kill = setTimeout(() => signalGroup(pid, "SIGKILL"), 2000);
  await exited;
  clearTimeout(kill);
  // What it started may have outlived it.
  signalGroup(pid, "SIGKILL");
}

/** Signals the process and all that it started. */
function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // ESRCH: all of the group has ended, which is what the signal was for.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  return new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal ?? 0)));
}
