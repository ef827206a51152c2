import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createProcesses, type Processes } from "./processes.ts";
import { isAlive } from "./state-file.ts";
import { until } from "./until.ts";

let folder: string;
let processes: Processes;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "weft-processes-"));
  processes = createProcesses({ logFolder: folder, env: {} });
});

afterEach(async () => {
  await processes.close();
  rmSync(folder, { recursive: true, force: true });
});

const node = (name: string, script: string, ...args: string[]) => ({
  name,
  command: ["node", "--input-type=module", "-e", script, ...args],
  cwd: folder,
  env: {},
});

/** Prints the id of a child that ignores SIGTERM, and does so itself. */
const stubborn = `
  import { spawn } from "node:child_process";
  const child = spawn("sleep", ["60"]);
  console.log("child", child.pid);
  process.on("SIGTERM", () => process.exit(0));
  setInterval(() => {}, 1000);
`;

const childPid = async (logFile: string) => {
  await until(() => /child \d+/.test(readFileSync(logFile, "utf8")), { timeoutMs: 5_000, what: "the child" });
  return Number(/child (\d+)/.exec(readFileSync(logFile, "utf8"))?.[1]);
};

describe("createProcesses()", () => {
  it("writes what a process prints to its log file", async () => {
    const running = processes.start(node("talker", "console.log('hello'); setInterval(() => {}, 1000)"));
    await until(() => readFileSync(running.logFile, "utf8").includes("hello"), {
      timeoutMs: 5_000,
      what: "hello",
    });
    expect(running.restarts).toBe(0);
  });

  it("starts a process again that was killed, under a new id", async () => {
    const running = processes.start(node("phoenix", "setInterval(() => {}, 1000)"));
    const first = running.pid;
    process.kill(first ?? 0, "SIGKILL");
    await until(() => running.pid !== undefined && running.pid !== first, {
      timeoutMs: 5_000,
      what: "a restart",
    });
    expect(running.restarts).toBe(1);
    expect(readFileSync(running.logFile, "utf8")).toMatch(/phoenix ended \(SIGKILL\), starting again/);
  });

  it("says why a program cannot be started", async () => {
    const running = processes.start({ name: "none", command: ["/no/such/program"], cwd: folder, env: {} });
    expect((await running.failed).message).toContain("ENOENT");
    expect(readFileSync(running.logFile, "utf8")).toContain("cannot start /no/such/program");
  });

  it("ends what a process started along with it", async () => {
    const running = processes.start(node("parent", stubborn));
    const grandchild = await childPid(running.logFile);
    const pid = running.pid ?? 0;
    await processes.close();
    expect(isAlive(pid)).toBe(false);
    await until(() => !isAlive(grandchild), { timeoutMs: 2_000, what: "the end of the grandchild" });
  });

  it("stops a process that waits to be started again", async () => {
    const running = processes.start(node("crasher", "process.exit(3)"));
    await until(() => running.restarts > 0 && running.pid === undefined, {
      timeoutMs: 5_000,
      what: "a crash",
    });
    await running.stop();
    expect(running.pid).toBeUndefined();
  });
});

describe("the reaper", () => {
  it("ends every process and removes the files of a mesh that was killed", async () => {
    const file = join(folder, "mesh.json");
    const module = fileURLToPath(new URL("./processes.ts", import.meta.url));
    const mesh = spawn(
      process.execPath,
      [
        "--no-warnings",
        "--input-type=module",
        "-e",
        `import { createProcesses } from ${JSON.stringify(module)};
         import { writeFileSync } from "node:fs";
         const processes = createProcesses({ logFolder: ${JSON.stringify(join(folder, "logs"))}, env: {} });
         writeFileSync(${JSON.stringify(file)}, "{}");
         processes.removeAtEnd(${JSON.stringify(file)});
         const running = processes.start({ name: "app", cwd: "/", env: {},
           command: ["node", "--input-type=module", "-e", ${JSON.stringify(stubborn)}] });
         console.log(running.pid, processes.reaperPid);`,
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    const line = await new Promise<string>((resolve) =>
      mesh.stdout.once("data", (data: Buffer) => resolve(`${data}`)),
    );
    const [app = 0, reaper = 0] = line.split(" ").map(Number);
    const grandchild = await childPid(join(folder, "logs/app.log"));
    mesh.kill("SIGKILL");
    await until(() => ![app, reaper, grandchild].some(isAlive), { timeoutMs: 8_000, what: "the end of all" });
    expect(existsSync(file)).toBe(false);
  });
});
