import { spawn } from "node:child_process";

/** Something that a person has to put right; its message says what, and how. */
export class ClusterError extends Error {
  override readonly name = "ClusterError";
}

/** Settings of {@link run}. */
export interface RunOptions {
  /** Text for the command's standard input. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a command to its end and returns what it printed.
 * @throws ClusterError with the command line, the exit code and the last 4 KiB of its complaints
 */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...options.env },
    });
    let output = "";
    let complaints = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaints = (complaints + text).slice(-4096);
    });
    const failed = (why: string, cause?: unknown) =>
      reject(
        new ClusterError(`${command} ${args.join(" ")}: ${why}${complaints && `\n${complaints.trim()}`}`, {
          cause,
        }),
      );
    child.on("error", (cause) => failed(cause.message, cause));
    child.on("close", (code, signal) => {
      if (code === 0) resolve(output);
      else failed(signal === null ? `exit code ${code}` : `ended by ${signal}`);
    });
    // A command that ends without reading closes the pipe; its exit code tells what happened.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
  });
}

/** Runs a command whose failure does not matter, such as removing what may not be there. */
export async function attempt(command: string, args: readonly string[]): Promise<string | undefined> {
  return run(command, args).catch(() => undefined);
}

/**
 * Polls until `probe` gives a value other than undefined.
 * @throws ClusterError naming `what` after `seconds`
 */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | undefined>,
  { seconds = 60, everyMs = 100 }: { readonly seconds?: number; readonly everyMs?: number } = {},
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new ClusterError(`${what}: not within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
