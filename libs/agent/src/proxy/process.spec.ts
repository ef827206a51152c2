import { eventually, startChild } from "@weft/testkit";

import { startProcess } from "./process.ts";

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // no such process
  }
};
const sleeper = {
  name: "sleeper",
  file: process.execPath,
  args: ["-e", "setInterval(() => {}, 1000)"],
  env: process.env,
};

describe("startProcess()", () => {
  it("tells how a process ended", async () => {
    const ends = startProcess({ ...sleeper, args: ["-e", "process.exit(3)"] });
    expect(await ends.exited).toEqual({ code: 3, signal: null });
    const killed = startProcess(sleeper);
    killed.kill("SIGKILL");
    expect(await killed.exited).toEqual({ code: null, signal: "SIGKILL" });
  });

  it("tells why a program could not be started", async () => {
    const { pid, exited } = startProcess({ ...sleeper, file: "/nonexistent/proxy" });
    expect(pid).toBeUndefined();
    expect((await exited).error?.message).toBe("spawn /nonexistent/proxy ENOENT");
  });

  it("leaves no proxy behind when this process is killed", async () => {
    const script = `
      import { startProcess } from ${JSON.stringify(new URL("./process.ts", import.meta.url).href)};
      const { pid } = startProcess(${JSON.stringify({ ...sleeper, env: {} })});
      console.log("proxy", pid);
      setInterval(() => {}, 1000);`;
    const parent = await startChild(process.execPath, {
      args: ["--no-warnings", "--input-type=module", "-e", script],
      ready: /proxy \d+/,
    });
    const proxy = Number(/proxy (\d+)/.exec(parent.output())?.[1]);
    expect(isAlive(proxy)).toBe(true);
    process.kill(parent.pid, "SIGKILL");
    await parent.exited;
    await eventually(() => (isAlive(proxy) ? undefined : true));
    await parent.stop();
  });
});
