import { measureSlowdown } from "./slowdown.ts";

describe("measureSlowdown()", () => {
  it("tells a machine's present pace, and never calls it faster than a quiet one", async () => {
    const slowdown = await measureSlowdown();
    expect(slowdown).toBeGreaterThanOrEqual(1);
    expect(Number.isFinite(slowdown)).toBe(true);
  });
});
