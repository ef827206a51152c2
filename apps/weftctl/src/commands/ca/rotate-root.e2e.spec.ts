import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually, freePort, peer } from "@weft/testkit";

const main = fileURLToPath(new URL("../../main.ts", import.meta.url));
/** Of a slow machine. */
const longMs = 180_000;

interface Run {
  readonly child: ChildProcess;
  output(): string;
  readonly ended: Promise<number | null>;
}

let runtime: string;
let url: string;
let load: ReturnType<typeof startLoad>;
const started: ChildProcess[] = [];

function weftctl(...args: readonly string[]): Run {
  const child = spawn(process.execPath, ["--no-warnings", main, ...args], {
    env: { ...process.env, XDG_RUNTIME_DIR: runtime },
    stdio: ["ignore", "pipe", "pipe"],
  });
  started.push(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  return { child, output: () => output, ended: new Promise((resolve) => child.once("close", resolve)) };
}

/** Processes of this mesh whose environment, or arguments, hold all of these. */
function processesOf(...texts: readonly string[]): number[] {
  const holds = (pid: string) => {
    try {
      const all = ["environ", "cmdline"]
        .map((file) => readFileSync(`/proc/${pid}/${file}`, "latin1"))
        .join("\0");
      return [runtime, ...texts].every((text) => all.includes(text));
    } catch {
      return false; // ended in the meantime, or another user's
    }
  };
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid && holds(name))
    .map(Number);
}

/** Four who ask without a pause; what was not answered with 200. */
function startLoad(): { stop(): Promise<{ readonly sent: number; readonly failed: readonly string[] }> } {
  const failed: string[] = [];
  let sent = 0;
  let stopped = false;
  const ask = async () => {
    while (!stopped) {
      sent++;
      try {
        const response = await fetch(url);
        await response.text();
        if (response.status !== 200) failed.push(String(response.status));
      } catch (error) {
        failed.push(String((error as Error).cause ?? error));
      }
    }
  };
  const asking = Array.from({ length: 4 }, ask);
  return {
    stop: async () => {
      stopped = true;
      await Promise.all(asking);
      return { sent, failed };
    },
  };
}

const rootsIn = (text: string) => new Set(text.match(/\b[0-9a-f]{12}\b/g));

describe("weftctl ca rotate-root, on a mesh of this machine", () => {
  beforeAll(async () => {
    runtime = mkdtempSync(join(tmpdir(), "weft-rotate-"));
    const port = await freePort();
    url = `http://127.0.0.1:${port}/productpage`;
    // Both kinds of proxies where there is an Envoy. With the short lifetime certificates are renewed all the time besides.
    const dataPlane = peer("envoy") === undefined ? "weft" : "mixed";
    const up = weftctl(
      "up",
      "-q",
      "--no-traffic",
      "--port",
      String(port),
      "--data-plane",
      dataPlane,
      "--cert-ttl",
      "30s",
    );
    await eventually(() => {
      if (up.child.exitCode !== null) throw new Error(up.output());
      return /the first request went through/.test(up.output()) ? true : undefined;
    });
    load = startLoad();
  }, longMs);
  afterAll(async () => {
    await load?.stop();
    // SIGKILL, so that a failed test cannot leave a mesh behind: the reaper ends what it had started.
    for (const child of started.splice(0)) if (child.exitCode === null) child.kill("SIGKILL");
    await eventually(() => (processesOf().length === 0 ? true : undefined));
    rmSync(runtime, { recursive: true, force: true });
  }, longMs);

  it(
    "changes the root with no request failed, taken up after a crash, refused while a proxy lags, and taken back",
    async () => {
      const status = async () => {
        const run = weftctl("ca", "rotate-root", "--status");
        expect(await run.ended).toBe(0);
        return run.output();
      };
      const before = rootsIn(await status());
      expect(before.size).toBe(1);

      // An agent that hears of nothing keeps the change from its next step.
      const [agent = 0] = processesOf("POD_NAME=details-", "pilot-agent");
      process.kill(agent, "SIGSTOP");
      const refused = weftctl("ca", "rotate-root", "--wait", "4s");
      expect(await refused.ended).toBe(1);
      expect(refused.output()).toMatch(
        /not ready for switch: 1 without all roots[\s\S]*\n {2}details-\S+ has no root/,
      );
      expect(await status()).toMatch(/^distributing[\s\S]*\ndetails-\S+ .*has no root/);
      process.kill(agent, "SIGCONT");

      // Cut off as soon as the new root signs.
      const crashed = weftctl("ca", "rotate-root");
      await eventually(() => (/signs from now on/.test(crashed.output()) ? true : undefined));
      crashed.child.kill("SIGKILL");
      expect(await status()).toMatch(/^switched/);

      const back = weftctl("ca", "rotate-root", "--abort");
      expect(await back.ended).toBe(0);
      // Whoever had the new root drops it when it renews.
      await eventually(async () => (rootsIn(await status()).size === 1 ? true : undefined));
      expect(rootsIn(await status())).toEqual(before);

      const whole = weftctl("ca", "rotate-root");
      expect(await whole.ended).toBe(0);
      await eventually(async () => (rootsIn(await status()).size === 1 ? true : undefined));
      expect(await status()).toMatch(/^stable/);
      expect(rootsIn(await status())).not.toEqual(before);

      const { sent, failed } = await load.stop();
      expect(failed).toEqual([]);
      expect(sent).toBeGreaterThan(100);
    },
    longMs,
  );
});
