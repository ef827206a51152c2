import { createFakeClock } from "@weft/base";
import { silentLogger } from "./logger.ts";
import { createShutdown } from "./shutdown.ts";

describe("createShutdown()", () => {
  const create = () => {
    const clock = createFakeClock();
    return { clock, shutdown: createShutdown({ logger: silentLogger, clock, timeoutMs: 1000 }) };
  };

  it("runs the steps in order, once, and goes on after one that throws", async () => {
    const { shutdown } = create();
    const ran: string[] = [];
    shutdown.add("first", async () => {
      ran.push("first");
      throw new Error("no");
    });
    shutdown.add("second", () => {
      ran.push("second");
    });
    expect(await Promise.all([shutdown.run("test"), shutdown.run("again")])).toEqual([false, false]);
    expect(ran).toEqual(["first", "second"]);
  });

  it("gives up after its time", async () => {
    const { clock, shutdown } = create();
    shutdown.add("hangs", () => new Promise(() => {}));
    const done = shutdown.run("test");
    clock.advance(1000);
    expect(await done).toBe(false);
  });
});
