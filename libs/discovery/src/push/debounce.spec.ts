import { createFakeClock } from "@weft/base";
import { createDebounce } from "./debounce.ts";

describe("createDebounce()", () => {
  const create = () => {
    const clock = createFakeClock(1000);
    const runs: [at: number, changes: number, of?: string][] = [];
    const debounce = createDebounce(clock, ({ changes, of }) =>
      runs.push(of === "all" ? [clock.now() - 1000, changes] : [clock.now() - 1000, changes, of]),
    );
    return { clock, runs, debounce };
  };

  it("lets a lone change go after 10 ms, with what came in the meantime", () => {
    const { clock, runs, debounce } = create();
    debounce.change();
    clock.advance(5);
    debounce.change();
    clock.advance(1000);
    debounce.change();
    clock.advance(1000);
    expect(runs).toEqual([
      [10, 2],
      [1015, 1],
    ]);
  });

  it("gathers a storm until it is quiet for 100 ms", () => {
    const { clock, runs, debounce } = create();
    for (let index = 0; index < 500; index++) {
      debounce.change();
      clock.advance(2);
    }
    clock.advance(1000);
    expect(runs.length).toBe(2);
    expect(runs.map(([, changes]) => changes).reduce((a, b) => a + b)).toBe(500);
    expect(runs[1]?.[0]).toBe(998 + 100);
  });

  it("lets a storm that does not end go every 10 s", () => {
    const { clock, runs, debounce } = create();
    for (let index = 0; index < 500; index++) {
      debounce.change();
      clock.advance(50);
    }
    expect(runs.map(([at]) => at)).toEqual([10, 10_050, 20_050]);
  });

  it("lets endpoints go at once and alone, and they make no storm", () => {
    const { clock, runs, debounce } = create();
    debounce.endpoints();
    clock.advance(0);
    debounce.change();
    clock.advance(10);
    debounce.change();
    clock.advance(50);
    debounce.endpoints();
    debounce.endpoints();
    clock.advance(0);
    clock.advance(1000);
    expect(runs).toEqual([
      [0, 1, "endpoints"],
      [10, 1],
      [60, 2, "endpoints"],
      [110, 1],
    ]);
  });

  it("forgets what waits when it is closed", () => {
    const { clock, runs, debounce } = create();
    debounce.change();
    debounce.close();
    clock.advance(1000);
    expect(runs).toEqual([]);
  });
});
