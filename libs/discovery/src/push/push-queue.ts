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

/** Whose turn it is: 0 comes before 1 before 2. */
export type Rank = 0 | 1 | 2;

/** One turn of so many is for the last rank that waits, so that it comes forward however much there is to do before it. */
const fairTurn = 8;

/** Items that wait for work, each at most once: it is bounded by the number of items. */
export interface PushQueue<T extends object> {
  /** Adds an item; one that waits already keeps its place, unless that was in a later rank. The first rank goes first. */
  add(item: T, rank?: Rank): void;
  remove(item: T): void;
  /** How many wait. */
  size(): number;
  /** Resolves when none waits. */
  idle(): Promise<void>;
  close(): void;
}

/** Creates a {@link PushQueue} that works items off by rank and in order, and gives the event loop back between them. */
export function createPushQueue<T extends object>(options: PushQueueOptions<T>): PushQueue<T> {
  const { work, now, yieldTo, budgetMs = 8 } = options;
  const ranks: readonly [Set<T>, Set<T>, Set<T>] = [new Set(), new Set(), new Set()];
  let turns = 0;
  /** The item whose work is half done; it may wait as well, for a change that came since. */
  let begun: T | undefined;
  let scheduled = false;
  let closed = false;
  let whenIdle: (() => void)[] = [];

  const isBusy = () => begun !== undefined || ranks.some((rank) => rank.size > 0);
  const remove = (item: T) => {
    for (const rank of ranks) rank.delete(item);
  };
  const next = (): T | undefined => {
    const isWaiting = (rank: Set<T>) => rank.size > 0;
    const rank = ++turns % fairTurn === 0 ? ranks.findLast(isWaiting) : ranks.find(isWaiting);
    return rank?.values().next().value;
  };
  const take = (): T | undefined => {
    const item = begun ?? next();
    begun = undefined;
    if (item !== undefined) remove(item);
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
    add: (item, rank = 0) => {
      if (closed) return;
      const before = ranks.findIndex((waiting) => waiting.has(item));
      if (before >= 0 && before <= rank) return;
      remove(item);
      ranks[rank].add(item);
      schedule();
    },
    remove: (item) => {
      remove(item);
      if (begun === item) begun = undefined;
    },
    size: () => ranks.reduce((sum, rank) => sum + rank.size, begun === undefined ? 0 : 1),
    idle: () =>
      !isBusy() && !scheduled ? Promise.resolve() : new Promise((resolve) => whenIdle.push(resolve)),
    close: () => {
      closed = true;
      for (const rank of ranks) rank.clear();
      begun = undefined;
      const done = whenIdle;
      whenIdle = [];
      for (const resolve of done) resolve();
    },
  };
}
