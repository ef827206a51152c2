/** Settings of {@link createPushQueue}. */
export interface PushQueueOptions<T extends object> {
  /** Does one item's work, or a part of it (`again`: the rest after the event loop had its turn); must not throw. */
  readonly work: (item: T) => "done" | "again";
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Gives the event loop back and calls `next` soon: setImmediate. */
  readonly yieldTo: (next: () => void) => void;
  /** Work goes on without a break for so long; 8 ms unless told, so that with one item's work on top it stays under 20. */
  readonly budgetMs?: number;
}

/** Items that wait for work, each at most once: it is bounded by the number of items. */
export interface PushQueue<T extends object> {
  /** Adds an item; one that waits already keeps its place. */
  add(item: T): void;
  remove(item: T): void;
  /** How many wait. */
  size(): number;
  /** Resolves when none waits. */
  idle(): Promise<void>;
  close(): void;
}

/** Creates a {@link PushQueue} that works items off in order and gives the event loop back between them. */
export function createPushQueue<T extends object>(options: PushQueueOptions<T>): PushQueue<T> {
  const { work, now, yieldTo, budgetMs = 8 } = options;
  const waiting = new Set<T>();
  /** The item whose work is half done; it may wait as well, for a change that came since. */
  let begun: T | undefined;
  let scheduled = false;
  let closed = false;
  let whenIdle: (() => void)[] = [];

  const isBusy = () => begun !== undefined || waiting.size > 0;
  const take = (): T | undefined => {
    const item = begun ?? waiting.values().next().value;
    begun = undefined;
    if (item !== undefined) waiting.delete(item);
    return item;
  };
  const run = () => {
    scheduled = false;
    if (closed) return;
    const start = now();
    for (let item = take(); item !== undefined; item = take()) {
      if (work(item) === "again") {
        begun = item;
        break;
      }
      if (now() - start >= budgetMs) break;
    }
    if (isBusy()) return schedule();
    const done = whenIdle;
    whenIdle = [];
    for (const resolve of done) resolve();
  };
  const schedule = () => {
    if (scheduled || closed) return;
    scheduled = true;
    yieldTo(run);
  };
  return {
    add: (item) => {
      if (closed) return;
      waiting.add(item);
      schedule();
    },
    remove: (item) => {
      waiting.delete(item);
      if (begun === item) begun = undefined;
    },
    size: () => waiting.size + (begun === undefined ? 0 : 1),
    idle: () =>
      !isBusy() && !scheduled ? Promise.resolve() : new Promise((resolve) => whenIdle.push(resolve)),
    close: () => {
      closed = true;
      waiting.clear();
      begun = undefined;
      const done = whenIdle;
      whenIdle = [];
      for (const resolve of done) resolve();
    },
  };
}
