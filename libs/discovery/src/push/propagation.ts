import { type Clock, formatObjectRef, type ObjectRef } from "@weft/base";
import type { ConnectedProxy } from "../proxies.ts";

/** An object's change that all whom it reached have answered for. */
export interface Propagated {
  readonly object: ObjectRef;
  /** When it was heard of, milliseconds since the epoch. */
  readonly at: number;
  /** From then until the last proxy's ACK (or NACK, or its end), milliseconds. */
  readonly ms: number;
  /** How many proxies it reached. */
  readonly proxies: number;
}

/** Measures the time from a change of an object to the last answer of a proxy that it reached. */
export interface Propagation {
  /** An object has changed; it will be part of the next push of endpoints, or of all. */
  changed(object: ObjectRef, of: "all" | "endpoints"): void;
  /** What has changed is now on its way to these proxies. */
  pushed(of: "all" | "endpoints", proxies: Iterable<ConnectedProxy>): void;
  /** The proxy was given all there is for it. */
  given(proxy: ConnectedProxy): void;
  /** The proxy has answered for something, or is gone. */
  answered(proxy: ConnectedProxy, gone?: "gone"): void;
  /** The last changes that arrived everywhere, the newest first. */
  readonly recent: readonly Propagated[];
  /** How many changes are on their way. */
  underWay(): number;
}

/** Changes of one push that are followed; of larger pushes the first ones. */
const maxObjects = 1_000;
/** Pushes that one proxy may owe an answer for; a proxy that is further behind is not waited for any more, nor are those pushes. */
const maxOwed = 1_000;
/** Changes that {@link Propagation.recent} lists. */
const maxRecent = 100;

interface Change {
  readonly object: ObjectRef;
  readonly at: number;
  readonly since: number;
}

/** The changes that went out together, and how many proxies have not answered for them. */
interface Wave {
  readonly changes: readonly Change[];
  readonly proxies: number;
  waiting: number;
}

/** Creates a {@link Propagation}; `onArrived` is told of each change that has arrived everywhere. */
export function createPropagation(clock: Clock, onArrived: (propagated: Propagated) => void): Propagation {
  const pending = { all: new Map<string, Change>(), endpoints: new Map<string, Change>() };
  /** What a proxy has to be given, and what it was given and has to answer for. */
  const owed = new Map<ConnectedProxy, { lacks: Wave[]; given: Wave[] }>();
  const recent: Propagated[] = [];
  let underWay = 0;

  const finish = ({ changes, proxies }: Wave) => {
    underWay -= changes.length;
    const now = clock.monotonic();
    for (const { object, at, since } of changes) {
      const propagated = { object, at, ms: now - since, proxies };
      recent.unshift(propagated);
      onArrived(propagated);
    }
    recent.length = Math.min(recent.length, maxRecent);
  };
  const settle = (proxy: ConnectedProxy, waves: readonly Wave[]) => {
    for (const wave of waves) if (--wave.waiting === 0) finish(wave);
    if (owed.get(proxy)?.lacks.length === 0) owed.delete(proxy);
  };
  /** Will never be said to have arrived. */
  const giveUp = (wave: Wave) => {
    if (Number.isNaN(wave.waiting)) return;
    if (wave.waiting > 0) underWay -= wave.changes.length;
    wave.waiting = Number.NaN;
  };
  const isSettled = ({ connection }: ConnectedProxy) =>
    connection.status().every(({ typeUrl }) => connection.settled(typeUrl));

  return {
    recent,
    underWay: () => underWay,
    changed: (object, of) => {
      const key = formatObjectRef(object);
      const changes = pending[of];
      if (changes.has(key) || changes.size >= maxObjects) return;
      changes.set(key, { object, at: clock.now(), since: clock.monotonic() });
    },
    pushed: (of, proxies) => {
      const changes = [...pending.endpoints.values(), ...(of === "all" ? pending.all.values() : [])];
      pending.endpoints.clear();
      if (of === "all") pending.all.clear();
      const reached = [...proxies];
      if (changes.length === 0 || reached.length === 0) return;
      const wave: Wave = { changes, proxies: reached.length, waiting: reached.length };
      underWay += changes.length;
      for (const proxy of reached) {
        const debts = owed.get(proxy);
        if (debts && debts.lacks.length + debts.given.length >= maxOwed)
          giveUp((debts.given.length > 0 ? debts.given : debts.lacks).shift() ?? wave);
        if (debts) debts.lacks.push(wave);
        else owed.set(proxy, { lacks: [wave], given: [] });
      }
    },
    given: (proxy) => {
      const debts = owed.get(proxy);
      if (debts === undefined) return;
      debts.given.push(...debts.lacks.splice(0));
      if (isSettled(proxy)) settle(proxy, debts.given.splice(0));
    },
    answered: (proxy, gone) => {
      const debts = owed.get(proxy);
      if (debts === undefined) return;
      if (gone) settle(proxy, [...debts.given.splice(0), ...debts.lacks.splice(0)]);
      else if (debts.given.length > 0 && isSettled(proxy)) settle(proxy, debts.given.splice(0));
    },
  };
}
