import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

/** What a load generator saw. Times in milliseconds. */
export interface LoadResult {
  readonly requests: number;
  readonly errors: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

/** Loads `url` over 32 keep-alive connections for so many seconds. */
export interface LoadGenerator {
  readonly name: string;
  run(url: string, seconds: number): Promise<LoadResult>;
}

/** Connections of every run. */
export const connections = 32;

/** wrk where it is installed, else a client of our own. `pin`: command prefix that keeps it on its core. */
export async function chooseGenerator(pin: readonly string[]): Promise<LoadGenerator> {
  const hasWrk = await run("wrk", ["-v"]).then(
    () => true,
    // wrk -v prints its version and exits 1; only a missing binary has no output.
    (error: { code?: unknown }) => error.code !== "ENOENT",
  );
  const execute = async (command: readonly string[]) => {
    const [file, ...args] = [...pin, ...command];
    return (await run(file as string, args)).stdout; // a command is never empty
  };
  if (hasWrk) {
    return {
      name: "wrk",
      run: async (url, seconds) =>
        parseWrk(await execute(["wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "--latency", url])),
    };
  }
  const client = fileURLToPath(new URL("load-client.ts", import.meta.url));
  return {
    name: "own client (install wrk for steadier figures)",
    run: async (url, seconds) =>
      JSON.parse(await execute([process.execPath, client, url, String(seconds)])) as LoadResult,
  };
}

/** Reads what `wrk --latency` prints. */
export function parseWrk(text: string): LoadResult {
  const match = (pattern: RegExp) => pattern.exec(text)?.[1];
  const time = (percent: string) => toMs(match(new RegExp(`^\\s+${percent}%\\s+(\\S+)$`, "m")) ?? "");
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  const failed = (sockets ?? []).slice(1).reduce((sum, count) => sum + Number(count), 0);
  return {
    requests: Number(match(/(\d+) requests in/)),
    errors: failed + Number(match(/Non-2xx or 3xx responses: (\d+)/) ?? 0),
    perSecond: Number(match(/Requests\/sec:\s+([\d.]+)/)),
    p50: time("50"),
    p99: time("99"),
  };
}

function toMs(text: string): number {
  const match = /^([\d.]+)(us|ms|s)$/.exec(text);
  if (match === null) throw new Error(`wrk printed no time where one was expected: ${JSON.stringify(text)}`);
  return Number(match[1]) * { us: 1e-3, ms: 1, s: 1000 }[match[2] as "us" | "ms" | "s"];
}
