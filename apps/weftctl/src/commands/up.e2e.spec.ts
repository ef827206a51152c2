import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findPeer } from "../../../../tools/peers/src/locate.ts";

const main = fileURLToPath(new URL("../main.ts", import.meta.url));
/** Of a slow machine: bringing everything up, all checks, taking it down. */
const longMs = 180_000;

let runtime: string;
const started: ChildProcess[] = [];

beforeEach(() => {
  // A state folder of its own, so that a mesh which somebody runs on this machine is left alone.
  runtime = mkdtempSync(join(tmpdir(), "weft-up-"));
});

afterEach(async () => {
  // SIGKILL, so that a failed test cannot leave a mesh behind: the reaper ends what it had started.
  for (const child of started.splice(0)) if (child.exitCode === null) child.kill("SIGKILL");
  await waitFor(() => processesOf(runtime).length === 0, 10_000);
  rmSync(runtime, { recursive: true, force: true });
});

interface Run {
  readonly child: ChildProcess;
  /** All that was printed so far. */
  output(): string;
  readonly ended: Promise<number | null>;
}

function up(...args: string[]): Run {
  const child = spawn(process.execPath, ["--no-warnings", main, "up", ...args], {
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

async function waitFor(condition: () => boolean | Promise<boolean>, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Ids of the processes whose environment or arguments name a folder: of all that this mesh has started. */
function processesOf(folder: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) =>
      ["environ", "cmdline"].some((file) => {
        try {
          return readFileSync(`/proc/${pid}/${file}`, "latin1").includes(folder);
        } catch {
          return false; // ended in the meantime, or another user's
        }
      }),
    )
    .map(Number);
}

function isOpen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const settle = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once("connect", () => settle(true)).once("error", () => settle(false));
  });
}

async function expectSuccess(run: Run): Promise<void> {
  const code = await run.ended;
  // What was printed says why.
  if (code !== 0) throw new Error(`exit code ${code}:\n${run.output()}`);
  expect(run.output()).not.toContain("NOT OK");
}

/** Files of a run that hold a private key, as PEM or as the Base64 of that. */
function filesWithKeys(): string[] {
  return readdirSync(join(runtime, readdirSync(runtime)[0] ?? "", "runs"), {
    recursive: true,
    withFileTypes: true,
  })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((file) =>
      /-----BEGIN [A-Z ]*PRIVATE KEY|LS0tLS1CRUdJTiBQUklWQVRF/.test(readFileSync(file, "latin1")),
    );
}

async function expectNothingLeft(run: Run): Promise<void> {
  await waitFor(() => processesOf(runtime).length === 0, 10_000);
  expect(filesWithKeys()).toEqual([]);
  const ports = [...run.output().matchAll(/(127\.\d+\.\d+\.\d+):(\d+)/g)].map(
    ([, host = "", port]) => [host, Number(port)] as const,
  );
  expect(ports.length).toBeGreaterThan(10);
  for (const [host, port] of ports)
    expect([host, port, await isOpen(host, port)]).toEqual([host, port, false]);
  const state = readdirSync(join(runtime, readdirSync(runtime)[0] ?? ""));
  expect(state.filter((name) => name.endsWith(".json"))).toEqual([]);
}

const onLinux = process.platform === "linux" ? describe : describe.skip;

onLinux("weftctl up", () => {
  it(
    "passes its checks, and leaves nothing behind",
    async () => {
      const run = up("--check");
      await expectSuccess(run);
      expect(run.output().match(/ ok: /g)).toHaveLength(14);
      await expectNothingLeft(run);
    },
    longMs,
  );

  it.each(["SIGINT", "SIGKILL"] as const)(
    "shows what the proxies count, and leaves nothing behind after %s",
    async (signal) => {
      const run = up();
      await waitFor(() => /productpage-v1 +reviews +v1/.test(run.output()), 60_000);
      run.child.kill(signal);
      expect(await run.ended).toBe(signal === "SIGINT" ? 0 : null);
      await expectNothingLeft(run);
    },
    longMs,
  );

  const envoy = findPeer("envoy");
  const withEnvoy = envoy === undefined && process.env.WEFT_REQUIRE_PEERS !== "1" ? it.skip : it;
  withEnvoy.each([
    ["real Envoy", "envoy"],
    ["Weft's proxy and Envoy by turns", "mixed"],
  ])(
    "passes its checks with %s (skipped where Envoy is not installed: npm run peers -- envoy)",
    async (_title, dataPlane) => {
      const run = up("--check", "--data-plane", dataPlane);
      await expectSuccess(run);
      await expectNothingLeft(run);
    },
    longMs,
  );
});
