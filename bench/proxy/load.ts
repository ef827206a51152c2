import { execFile } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
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

/** Connections of every run over HTTP/2, and the requests under way on each: as many as over HTTP/1.1 in all. */
export const http2Connections = 8;
const streamsPerConnection = connections / http2Connections;

/** h2load, for HTTP/2; undefined where it is not installed. */
export async function chooseHttp2Generator(
  pin: readonly string[],
  folder: string,
): Promise<LoadGenerator | undefined> {
  if (!(await isInstalled("h2load", "--version"))) return undefined;
  const log = join(folder, "h2load.log");
  return {
    name: "h2load",
    run: async (url, seconds) => {
      await rm(log, { force: true }); // it appends
      const options = [
        `-c${http2Connections}`,
        `-m${streamsPerConnection}`,
        `-D${seconds}`,
        `--log-file=${log}`,
      ];
      const text = await execute([...pin, "h2load", ...options, url]);
      return parseH2load(text, await readFile(log, "utf8"));
    },
  };
}

/** Reads what `h2load` prints, and its log: a line for each request, with its start, status and microseconds. */
export function parseH2load(text: string, log: string): LoadResult {
  const requests = /(\d+) done, (\d+) succeeded/.exec(text);
  const times = log
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => Number(line.split("\t")[2]) / 1000)
    .sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return {
    requests: Number(requests?.[1]),
    errors: Number(requests?.[1]) - Number(requests?.[2]),
    perSecond: Number(/([\d.]+) req\/s/.exec(text)?.[1]),
    p50: at(0.5),
    p99: at(0.99),
  };
}

const isInstalled = (command: string, version: string) =>
  run(command, [version]).then(
    () => true,
    // wrk -v prints its version and exits 1; only a missing binary has no output.
    (error: { code?: unknown }) => error.code !== "ENOENT",
  );

async function execute(command: readonly string[]): Promise<string> {
  const [file, ...args] = command;
  return (await run(file as string, args)).stdout; // a command is never empty
}

/** wrk where it is installed, else a client of our own. `pin`: command prefix that keeps it on its core. */
export async function chooseGenerator(pin: readonly string[]): Promise<LoadGenerator> {
  if (await isInstalled("wrk", "-v")) {
    return {
      name: "wrk",
      run: async (url, seconds) =>
        parseWrk(
          await execute([...pin, "wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "--latency", url]),
        ),
    };
  }
  const client = fileURLToPath(new URL("load-client.ts", import.meta.url));
  return {
    name: "own client (install wrk for steadier figures)",
    run: async (url, seconds) =>
      JSON.parse(await execute([...pin, process.execPath, client, url, String(seconds)])) as LoadResult,
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
