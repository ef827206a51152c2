// The Go client of ../shared/bench/adsload beside the checkout, which nobody of this project wrote. It measures by itself.
import { execFile } from "node:child_process";
import { access, mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { XdsMode } from "@weft/xds";
import type { Server } from "./server-process.ts";
import type { Step } from "./step.ts";

const run = promisify(execFile);
const limitMs = 180_000;
const rounds = 5;

/** Builds the client outside the checkout; the reason where it cannot be had. */
export async function buildAdsload(): Promise<{ readonly file: string } | { readonly missing: string }> {
  const shared = resolve(process.env.WEFT_SHARED ?? join(import.meta.dirname, "../../../shared"));
  const source = join(shared, "bench/adsload");
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "weft", "adsload");
  const file = join(folder, "adsload");
  try {
    await access(join(source, "main.go"));
  } catch {
    return { missing: `no ${source}` };
  }
  try {
    await mkdir(folder, { recursive: true });
    await run("go", ["build", "-o", file, "."], { cwd: source, timeout: limitMs });
    return { file };
  } catch (error) {
    return {
      missing: `go build failed: ${error instanceof Error ? error.message.split("\n", 2).join(" ") : error}`,
    };
  }
}

/** What is measured in one run: the connecting of all, and then a change in each round. */
export interface AdsloadRun {
  readonly file: string;
  readonly mode: XdsMode;
  readonly proxies: number;
  readonly server: Server;
  /** Name of the first step: connecting. */
  readonly connect: string;
  /** The type that the change changes, and how to make it. */
  readonly change?: { readonly name: string; readonly watch: string; readonly make: (round: number) => void };
}

/** Runs the client once; the steps it measured. Throws where a proxy did not get what it should. */
export async function runAdsload(options: AdsloadRun): Promise<readonly Step[]> {
  const { file, mode, proxies, server, change } = options;
  let round = 0;
  // The client can only run a command: a signal is the quickest that is heard here.
  const signal = "SIGUSR2";
  const onTrigger = () => change?.make(round++);
  const args = ["-addr", `127.0.0.1:${server.port}`, "-n", String(proxies), "-pid", String(server.pid)];
  if (mode === "delta") args.push("-delta");
  args.push("-settle", "1s", "-rounds", String(rounds));
  if (change !== undefined) args.push("-watch", change.watch, "-trigger", `kill -USR2 ${process.pid}`);
  process.on(signal, onTrigger);
  try {
    await server.usage();
    const { stdout } = await run(file, args, { timeout: limitMs });
    const { heldMs } = await server.usage();
    return parseAdsload(stdout, { connect: options.connect, change: change?.name, proxies }).map((step) => ({
      ...step,
      heldMs,
    }));
  } finally {
    process.off(signal, onTrigger);
  }
}

/** Reads what the client prints. Of rounds the medians; of memory the largest. */
export function parseAdsload(
  text: string,
  {
    connect,
    change,
    proxies,
  }: { readonly connect: string; readonly change?: string | undefined; readonly proxies: number },
): readonly Omit<Step, "heldMs">[] {
  const synced =
    /all four types (\d+), synced in ([\d.]+)s, bytes ([\d.]+) MB, messages \d+, server cpu ([\d.]+)s, server rss ([\d.]+) MB/.exec(
      text,
    );
  if (synced === null || Number(synced[1]) !== proxies)
    throw new Error(`adsload did not connect all:\n${text}`);
  const [, , seconds, sentMb, cpu, rss] = synced.map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const steps = [{ name: connect, ms: seconds * 1000, sentMb, cpuMs: cpu * 1000, rssMb: rss }];
  if (change === undefined) return steps;
  const round =
    /last (-?\d+) ms, missed (\d+), bytes ([\d.]+) MB, messages \d+, server cpu ([\d.]+)s, rss ([\d.]+) MB/g;
  const found = [...text.matchAll(round)].map((match) => match.slice(1).map(Number));
  if (found.length === 0 || found.some(([, missed]) => missed !== 0))
    throw new Error(`adsload: not all proxies got the change:\n${text}`);
  const column = (i: number) => found.map((values) => values[i] ?? Number.NaN).sort((a, b) => a - b);
  const median = (i: number) => column(i)[Math.floor(found.length / 2)] ?? Number.NaN;
  const most = Math.max(...column(4));
  return [...steps, { name: change, ms: median(0), sentMb: median(2), cpuMs: median(3) * 1000, rssMb: most }];
}
