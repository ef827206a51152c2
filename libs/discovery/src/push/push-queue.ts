/** Settings of {@link createPushQueue}. */
export interface PushQueueOptions<T> {
  /** Does one item's work; must not throw. */
  readonly work: (item: T) => void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Gives the event loop back and calls `next` soon: setImmediate. */
  readonly yieldTo: (next: () => void) => void;
  /** Work goes on without a break for so long; 8 ms unless told, so that with one item's work on top it stays under 20. */
  readonly budgetMs?: number;
}

/** Items that wait for work, each at most once: it is bounded by the number of items. */
export interface PushQueue<T> {
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
export function createPushQueue<T>(options: PushQueueOptions<T>): PushQueue<T> {
  const { work, now, yieldTo, budgetMs = 8 } = options;
  const waiting = new Set<T>();
  let scheduled = false;
  let closed = false;
  let whenIdle: (() => void)[] = [];

  const run = () => {
    scheduled = false;
    if (closed) return;
    const start = now();
    for (const item of waiting) {
      waiting.delete(item);
      work(item);
      if (now() - start >= budgetMs) break;
    }
    if (waiting.size > 0) return schedule();
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
    },
    size: () => waiting.size,
    idle: () =>
      waiting.size === 0 && !scheduled ? Promise.resolve() : new Promise((resolve) => whenIdle.push(resolve)),
    close: () => {
      closed = true;
      waiting.clear();
      const done = whenIdle;
      whenIdle = [];
      for (const resolve of done) resolve();
    },
  };
}
