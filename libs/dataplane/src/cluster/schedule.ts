import type { ClusterHost } from "./host.ts";

interface Entry {
  deadline: number;
  /** Breaks ties: who came first goes first. */
  order: number;
  readonly host: ClusterHost;
}

/** Gives hosts in proportion to their weights, spread evenly. */
export interface Schedule {
  next(weightOf: (host: ClusterHost) => number): ClusterHost | undefined;
}

const before = (a: Entry, b: Entry) =>
  a.deadline !== b.deadline ? a.deadline < b.deadline : a.order < b.order;

/**
 * Earliest deadline first: a host's next deadline is 1/weight after the one it just had. A binary heap, log n a pick.
 * https://en.wikipedia.org/wiki/Earliest_deadline_first_scheduling
 */
export function createSchedule(hosts: readonly ClusterHost[], random: () => number): Schedule {
  // Random first deadlines, so that a rebuilt schedule does not favour the same hosts each time.
  const heap: Entry[] = hosts
    .map((host, order) => ({ host, order, deadline: random() / host.weight }))
    .sort((a, b) => (before(a, b) ? -1 : 1));
  let order = hosts.length;

  const sink = () => {
    const entry = heap[0];
    if (entry === undefined) return;
    let at = 0;
    for (;;) {
      const left = at * 2 + 1;
      const right = left + 1;
      let smallest = at;
      let chosen = entry;
      for (const child of [left, right]) {
        const candidate = heap[child];
        if (candidate !== undefined && before(candidate, chosen)) {
          smallest = child;
          chosen = candidate;
        }
      }
      if (smallest === at) break;
      heap[at] = chosen;
      at = smallest;
    }
    heap[at] = entry;
  };

  return {
    next(weightOf) {
      const first = heap[0];
      if (first === undefined) return undefined;
      first.deadline += 1 / weightOf(first.host);
      first.order = order++;
      sink();
      return first.host;
    },
  };
}
