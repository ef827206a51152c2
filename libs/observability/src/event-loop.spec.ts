import { setImmediate, setTimeout } from "node:timers/promises";
import { watchEventLoop } from "./event-loop.ts";

describe("watchEventLoop()", () => {
  it("tells how long the loop was held, and begins anew", async () => {
    const watch = watchEventLoop();
    await setTimeout(20); // the first tick of the histogram's timer
    const end = performance.now() + 60;
    while (performance.now() < end) {
      // held on purpose
    }
    await setTimeout(20); // its next tick
    expect(watch.maxMs()).toBeGreaterThan(40);
    watch.reset();
    await setImmediate();
    expect(watch.maxMs()).toBeLessThan(40);
    watch.close();
  });
});
