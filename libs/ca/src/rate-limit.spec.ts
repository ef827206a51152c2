import { createFakeClock } from "@weft/base";
import { createRateLimiter } from "./rate-limit.ts";

describe("createRateLimiter()", () => {
  it("allows the burst, then so many a second, and never more than the burst", () => {
    const clock = createFakeClock();
    const limiter = createRateLimiter({ perSecond: 10, burst: 3 }, clock);
    const taken = (times: number) =>
      Array.from({ length: times }, () => limiter.take("a")).filter(Boolean).length;
    expect(taken(5)).toBe(3);
    clock.advance(100);
    expect(taken(5)).toBe(1);
    clock.advance(60_000);
    expect(taken(5)).toBe(3);
    expect(limiter.take("b")).toBe(true);
  });

  it("forgets the key that was used longest ago", () => {
    const limiter = createRateLimiter({ perSecond: 1, burst: 1 }, createFakeClock());
    expect(limiter.take("first")).toBe(true);
    expect(limiter.take("second")).toBe(true);
    expect(limiter.take("first")).toBe(false);
    for (let key = 0; key < 9_999; key++) limiter.take(String(key));
    expect(limiter.take("first")).toBe(false);
    expect(limiter.take("second")).toBe(true);
  });
});
