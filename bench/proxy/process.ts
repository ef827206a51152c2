import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A process under measurement. */
export interface Measured {
  /** CPU used so far, user and system, in microseconds. */
  cpuMicros(): Promise<number>;
  /** Resident memory in MiB. */
  memoryMib(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts a command and waits until it takes connections on `port`. Throws with what it said where it does not. */
export async function startServer(command: readonly string[], port: number): Promise<Measured> {
  const [file, ...args] = command;
  const child = spawn(file as string, args, { stdio: ["ignore", "pipe", "pipe"] }); // a command is never empty
  let said = "";
  const listen = (bytes: Buffer) => {
    said = (said + bytes.toString()).slice(-4000);
  };
  child.stdout.on("data", listen);
  child.stderr.on("data", listen);
  child.on("error", (error) => listen(Buffer.from(error.message)));
  for (let attempt = 0; attempt < 100; attempt++) {
    if (child.exitCode !== null || child.pid === undefined) break;
    if (await accepts(port)) return measure(child, child.pid);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  child.kill("SIGKILL");
  throw new Error(`${command.join(" ")} does not listen on ${port}:\n${said}`);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

function measure(child: ChildProcess, pid: number): Measured {
  return {
    cpuMicros: () => (process.platform === "linux" ? procCpu(pid) : psCpu(pid)),
    memoryMib: async () => Number((await run("ps", ["-o", "rss=", "-p", String(pid)])).stdout) / 1024,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL"); // nothing to drain: the load has ended
      await once(child, "exit");
    },
  };
}

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: fields 14 and 15, in ticks of 10 ms. */
async function procCpu(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** `[[dd-]hh:]mm:ss.cc` */
async function psCpu(pid: number): Promise<number> {
  const { stdout } = await run("ps", ["-o", "time=", "-p", String(pid)]);
  const seconds = stdout
    .trim()
    .split(/[-:]/)
    .reduce((sum, part) => sum * 60 + Number(part), 0);
  return seconds * 1e6;
}
