import { jest } from "@jest/globals";
import { systemClock } from "./clock.ts";

describe("systemClock.after()", () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });
  const day = 86_400_000;

  it.each([1, 30 * day, 9_223_372_035_000])("waits for %d ms, not less", (ms) => {
    const run = jest.fn();
    systemClock.after(ms, run);
    const almost = Math.min(ms - 1, 100 * day);
    jest.advanceTimersByTime(almost);
    expect(run).not.toHaveBeenCalled();
    if (ms > almost + 1) return;
    jest.advanceTimersByTime(1);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it("is cancelled at any time, also of a long wait", () => {
    const run = jest.fn();
    const cancel = systemClock.after(30 * day, run);
    jest.advanceTimersByTime(29 * day);
    cancel();
    jest.advanceTimersByTime(2 * day);
    expect(run).not.toHaveBeenCalled();
  });
});
