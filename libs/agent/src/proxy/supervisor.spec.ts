import { createFakeClock } from "@weft/base";
import { silentLogger } from "@weft/observability";
import type { ProcessExit, StartProcess } from "./process.ts";
import { createSupervisor } from "./supervisor.ts";

/** A process table: `exit(pid)` ends one, as its own doing or by a signal sent to it. */
function createFakeProcesses() {
  const running = new Map<number, (exit: ProcessExit) => void>();
  const signals: string[] = [];
  let next = 100;
  const start: StartProcess = () => {
    const pid = next++;
    const exited = new Promise<ProcessExit>((resolve) => running.set(pid, resolve));
    return { pid, exited, kill: (signal) => signals.push(signal) };
  };
  const exit = async (pid: number, how: Partial<ProcessExit>) => {
    running.get(pid)?.({ code: null, signal: null, ...how });
    running.delete(pid);
    await new Promise(setImmediate);
  };
  return { start, exit, signals, started: () => next - 100 };
}

const command = { name: "fake", file: "proxy", args: ["-c", "x"], env: {} };

describe("createSupervisor()", () => {
  const create = () => {
    const clock = createFakeClock();
    const processes = createFakeProcesses();
    const supervisor = createSupervisor({
      command,
      startProcess: processes.start,
      clock,
      random: () => 0,
      logger: silentLogger,
      maxCrashes: 4,
    });
    supervisor.start();
    return { clock, processes, supervisor };
  };

  it("starts a killed proxy again at once", async () => {
    const { clock, processes, supervisor } = create();
    expect(supervisor.pid()).toBe(100);
    clock.advance(60_000);
    await processes.exit(100, { signal: "SIGKILL" });
    clock.advance(0);
    expect([supervisor.pid(), supervisor.restarts()]).toEqual([101, 1]);
  });

  it("waits longer after every crash, and starts anew after a good run", async () => {
    const { clock, processes, supervisor } = create();
    const startsAfter: number[] = [];
    for (const pid of [100, 101, 102]) {
      await processes.exit(pid, { code: 1 });
      const before = processes.started();
      let waited = 0;
      clock.advance(0);
      while (processes.started() === before) {
        clock.advance(50);
        waited += 50;
      }
      startsAfter.push(waited);
    }
    expect(startsAfter).toEqual([0, 100, 200]);
    clock.advance(10_000);
    await processes.exit(103, { code: 1 });
    clock.advance(0);
    expect(supervisor.pid()).toBe(104);
  });

  it("gives up after many crashes in a row, saying how it ended", async () => {
    const { clock, processes, supervisor } = create();
    for (const pid of [100, 101, 102, 103]) {
      await processes.exit(pid, { code: 7 });
      clock.advance(5000);
    }
    expect(await supervisor.ended).toEqual({
      kind: "gave-up",
      message: expect.stringContaining(
        "the fake proxy ended 4 times in a row, each within 10 s of its start (last: exit code 7)",
      ),
    });
    expect(processes.started()).toBe(4);
    await supervisor.stop(0);
  });

  it("says why a proxy could not be started", async () => {
    const { clock, processes, supervisor } = create();
    for (const pid of [100, 101, 102, 103]) {
      await processes.exit(pid, { error: new Error("spawn proxy ENOENT") });
      clock.advance(5000);
    }
    expect(await supervisor.ended).toMatchObject({
      message: expect.stringContaining("(last: spawn proxy ENOENT)"),
    });
  });

  it("ends the proxy with SIGTERM, then SIGKILL, and does not start it again", async () => {
    const { clock, processes, supervisor } = create();
    const stopped = supervisor.stop(2000);
    expect(processes.signals).toEqual(["SIGTERM"]);
    clock.advance(2000);
    expect(processes.signals).toEqual(["SIGTERM", "SIGKILL"]);
    await processes.exit(100, { signal: "SIGKILL" });
    await stopped;
    clock.advance(60_000);
    expect([processes.started(), await supervisor.ended]).toEqual([1, { kind: "stopped" }]);
  });

  it("ends while it waits to start the proxy again", async () => {
    const { clock, processes, supervisor } = create();
    await processes.exit(100, { code: 1 });
    await supervisor.stop(2000);
    clock.advance(60_000);
    expect(processes.started()).toBe(1);
  });
});
