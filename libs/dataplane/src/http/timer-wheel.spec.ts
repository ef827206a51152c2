import { createFakeClock } from "@weft/base";
import fc from "fast-check";
import { TimerWheel, WheelTimer } from "./timer-wheel.ts";

describe("TimerWheel", () => {
  it("fires each timer once, in time, at most a tick late, and none that was cancelled", () => {
    const plan = fc.array(
      fc.record({ at: fc.nat(10_000), ms: fc.nat(20_000), cancelAfter: fc.option(fc.nat(25_000)) }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(plan, (timers) => {
        const clock = createFakeClock();
        const wheel = new TimerWheel(clock);
        const fired = timers.map(() => [] as number[]);
        timers.forEach(({ at, ms, cancelAfter }, i) => {
          const timer = new WheelTimer(() => fired[i]?.push(clock.now()));
          clock.after(at, () => wheel.arm(timer, ms));
          if (cancelAfter !== null) clock.after(at + cancelAfter, () => wheel.cancel(timer));
        });
        for (let i = 0; i < 70; i++) clock.advance(500);
        timers.forEach(({ at, ms, cancelAfter }, i) => {
          const times = fired[i] ?? [];
          if (cancelAfter !== null && cancelAfter < ms) expect(times).toEqual([]);
          else if (cancelAfter === null || cancelAfter > ms + 8) {
            expect(times).toHaveLength(1);
            expect(times[0]).toBeGreaterThanOrEqual(at + ms);
            expect(times[0]).toBeLessThanOrEqual(at + ms + 8);
          }
        });
        expect(wheel.size).toBe(0);
      }),
      { numRuns: 100 },
    );
  });

  it("lets a timer arm itself again", () => {
    const clock = createFakeClock();
    const wheel = new TimerWheel(clock);
    const times: number[] = [];
    const timer: WheelTimer = new WheelTimer(() => {
      times.push(clock.now());
      if (times.length < 3) wheel.arm(timer, 100);
    });
    wheel.arm(timer, 100);
    clock.advance(1000);
    expect(times).toEqual([100, 200, 300]);
  });
});
