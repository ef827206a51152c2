import { callAt } from "./call-at.ts";
import { createFakeClock } from "./clock.ts";

const hour = 3_600_000;

describe("callAt()", () => {
  it("calls once at its time, and not before", () => {
    const clock = createFakeClock(5 * hour);
    let calls = 0;
    callAt(clock, 17 * hour, () => calls++);
    clock.advance(12 * hour - 1);
    expect(calls).toBe(0);
    clock.advance(1);
    expect(calls).toBe(1);
    clock.advance(hour);
    expect(calls).toBe(1);
  });

  it("calls at once where the time is over, and never where it is cancelled", () => {
    const clock = createFakeClock(hour);
    const called: string[] = [];
    callAt(clock, 0, () => called.push("over"));
    const cancel = callAt(clock, 3 * hour, () => called.push("cancelled"));
    clock.advance(hour);
    cancel();
    clock.advance(5 * hour);
    expect(called).toEqual(["over"]);
  });

  it("is a minute late at most after the machine has slept", () => {
    const awake = createFakeClock(0);
    let asleepMs = 0;
    const clock = { ...awake, now: () => awake.now() + asleepMs };
    let calls = 0;
    callAt(clock, 12 * hour, () => calls++);
    awake.advance(hour);
    asleepMs = 20 * hour;
    awake.advance(60_000);
    expect(calls).toBe(1);
  });
});
