import { createFakeClock } from "@weft/base";
import { createDebounce } from "./debounce.ts";

describe("createDebounce()", () => {
  const create = () => {
    const clock = createFakeClock(1000);
    const runs: [at: number, changes: number][] = [];
    const debounce = createDebounce(clock, ({ changes }) => runs.push([clock.now() - 1000, changes]));
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

  it("lets endpoints go at once, and they make no storm", () => {
    const { clock, runs, debounce } = create();
    debounce.endpoints();
    clock.advance(0);
    debounce.change();
    clock.advance(10);
    debounce.change();
    clock.advance(50);
    debounce.endpoints();
    clock.advance(0);
    clock.advance(1000);
    expect(runs).toEqual([
      [0, 1],
      [10, 1],
      [60, 2],
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
