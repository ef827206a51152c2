import { createFakeClock } from "@weft/base";
import { createTurns } from "./turns.ts";

function setUp(maxInFlight = 100) {
  const clock = createFakeClock();
  let next: (() => void) | undefined;
  const turns = createTurns({
    clock,
    maxInFlight,
    yieldTo: (run) => {
      next = run;
    },
  });
  const done: string[] = [];
  /** Runs what was yielded, once; tells whether there was anything. */
  const tick = () => {
    const run = next;
    next = undefined;
    run?.();
    return run !== undefined;
  };
  return { clock, turns, done, tick };
}

describe("createTurns()", () => {
  it("lets each stream that asked send once, in order", () => {
    const { turns, done, tick } = setUp();
    const a = () => done.push("a");
    turns.ask(a);
    turns.ask(() => done.push("b"));
    turns.ask(a);
    expect(done).toEqual([]);
    tick();
    expect(done).toEqual(["a", "b"]);
    expect(tick()).toBe(false);
  });

  it("gives the event loop back when its time is over", () => {
    const { clock, turns, done, tick } = setUp();
    for (const name of ["a", "b", "c"]) {
      turns.ask(() => {
        done.push(name);
        clock.advance(3);
      });
    }
    tick();
    expect(done).toEqual(["a", "b"]);
    tick();
    expect(done).toEqual(["a", "b", "c"]);
  });

  it("waits while as much as allowed is on its way", () => {
    const { turns, done, tick } = setUp(100);
    const leave = turns.started(100);
    turns.ask(() => done.push("a"));
    expect(tick()).toBe(false);
    leave();
    leave(); // told twice, it counts once
    tick();
    expect(done).toEqual(["a"]);
    turns.started(100);
    turns.ask(() => done.push("b"));
    expect(tick()).toBe(false);
  });

  it("does not wait for a slow client for ever", () => {
    const { clock, turns, done, tick } = setUp(100);
    turns.started(100);
    turns.ask(() => done.push("a"));
    clock.advance(499);
    expect(tick()).toBe(false);
    clock.advance(1);
    tick();
    expect(done).toEqual(["a"]);
  });
});
