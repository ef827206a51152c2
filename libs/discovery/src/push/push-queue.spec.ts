import { createPushQueue } from "./push-queue.ts";

describe("createPushQueue()", () => {
  const create = (costMs: number) => {
    let time = 0;
    const turns: string[][] = [];
    let turn: string[] = [];
    const next: (() => void)[] = [];
    const queue = createPushQueue<string>({
      work: (item) => {
        turn.push(item);
        time += costMs;
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
    return { queue, turns, runAll };
  };

  it("works items off in order, each once, and yields when its time is up", async () => {
    const { queue, turns, runAll } = create(5);
    for (const item of ["a", "b", "a", "c", "d", "e"]) queue.add(item);
    queue.remove("d");
    const idle = queue.idle();
    runAll();
    expect(turns).toEqual([
      ["a", "b"],
      ["c", "e"],
    ]);
    await idle;
    await queue.idle();
  });

  it("does nothing more once it is closed", async () => {
    const { queue, turns, runAll } = create(5);
    queue.add("a");
    const idle = queue.idle();
    queue.close();
    queue.add("b");
    runAll();
    await idle;
    expect(turns.flat()).toEqual([]);
  });
});
