import { createPushQueue } from "./push-queue.ts";

describe("createPushQueue()", () => {
  interface Item {
    readonly name: string;
    /** How often its work is not done. */
    parts: number;
  }
  const item = (name: string, parts = 0): Item => ({ name, parts });
  const create = (costMs: number) => {
    let time = 0;
    const turns: string[][] = [];
    let turn: string[] = [];
    const next: (() => void)[] = [];
    const queue = createPushQueue<Item>({
      work: (one) => {
        turn.push(one.name);
        time += costMs;
        return one.parts-- > 0 ? "again" : "done";
      },
      now: () => time,
      yieldTo: (run) => next.push(run),
    });
    const runAll = () => {
      for (let run = next.shift(); run !== undefined; run = next.shift()) {
        turn = [];
        run();
        turns.push(turn);
      }
    };
    return { queue, turns, next, runAll };
  };

  it("works items off in order, each once, and yields when its time is up", async () => {
    const { queue, turns, runAll } = create(5);
    const [a, b, c, d, e] = [item("a"), item("b"), item("c"), item("d"), item("e")];
    for (const one of [a, b, a, c, d, e]) queue.add(one);
    queue.remove(d);
    const idle = queue.idle();
    runAll();
    expect(turns).toEqual([
      ["a", "b"],
      ["c", "e"],
    ]);
    await idle;
    await queue.idle();
  });

  it("goes on with an item that is not done in its next turn, before all others", async () => {
    const { queue, turns, runAll } = create(1);
    const gone = item("gone", 5);
    for (const one of [item("a", 2), item("b"), gone]) queue.add(one);
    runAll();
    expect(turns.slice(0, 3)).toEqual([["a"], ["a"], ["a", "b", "gone"]]);
    expect(turns.slice(3)).toEqual([["gone"], ["gone"], ["gone"], ["gone"], ["gone"]]);
    queue.add(item("b", 1));
    const idle = queue.idle();
    expect(queue.size()).toBe(1);
    runAll();
    await idle;
  });

  it("forgets an item that is removed half done", () => {
    const { queue, turns, next } = create(1);
    const one = item("a", 5);
    queue.add(one);
    next.shift()?.();
    queue.remove(one);
    next.shift()?.();
    expect([turns.length, queue.size(), next.length]).toEqual([0, 0, 0]);
  });

  it("does nothing more once it is closed", async () => {
    const { queue, turns, runAll } = create(5);
    queue.add(item("a"));
    const idle = queue.idle();
    queue.close();
    queue.add(item("b"));
    runAll();
    await idle;
    expect(turns.flat()).toEqual([]);
  });

  it("takes the first rank first, and of eight turns one for the last", () => {
    const { queue, turns, runAll } = create(1);
    for (let i = 0; i < 3; i++) queue.add(item(`last-${i}`), 2);
    for (let i = 0; i < 10; i++) queue.add(item(`first-${i}`), 0);
    const moved = item("moved");
    queue.add(moved, 2);
    queue.add(moved, 1);
    queue.add(moved, 2);
    runAll();
    const order = turns.flat();
    expect(order.slice(0, 8)).toEqual([...Array.from({ length: 7 }, (_, i) => `first-${i}`), "last-0"]);
    expect(order.slice(8)).toEqual(["first-7", "first-8", "first-9", "moved", "last-1", "last-2"]);
  });
});
