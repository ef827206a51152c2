import { type Clock, formatProblem, type Problem, type WithProblems } from "@weft/base";
import type { ResourceSet } from "@weft/envoy-api";
import {
  changesBetween,
  type MeshSnapshot,
  type ProxyView,
  refOf,
  type Service,
  type SourceEvent,
  type Store,
  viewFor,
} from "@weft/mesh-model";
import type { Logger } from "@weft/observability";
import type { XdsConnection } from "@weft/xds";
import { createProblemLog } from "./problem-log.ts";
import { type ConnectedProxy, createProxyRegistry, type ProxyRegistry } from "./proxies.ts";
import { createDebounce, type DebounceTimes, type Gathered } from "./push/debounce.ts";
import { createGroupTranslation } from "./push/group-translation.ts";
import { createViewGroups, type ViewGroup } from "./push/groups.ts";
import { createLastGood } from "./push/last-good.ts";
import { createPropagation, type Propagated, type Propagation } from "./push/propagation.ts";
import { createPushQueue } from "./push/push-queue.ts";
import { type Reached, reach } from "./push/reach.ts";
import { headlessAddresses, viewKey } from "./push/share.ts";

/**
 * Turns a view into resources. An object that cannot be translated is left out, and reported. What is equal in `previous`, the last set
 * of the same proxy, may be taken over.
 */
export type Translate = (view: ProxyView, previous?: ResourceSet) => WithProblems<ResourceSet>;

/** As {@link Translate}, a small piece at each step; the last has the result. */
export type TranslateInSteps = (
  view: ProxyView,
  previous?: ResourceSet,
) => Iterator<void, WithProblems<ResourceSet>>;

/**
 * The set for a view in which nothing but the endpoints of these services is other than when `last` was made; undefined where it takes a
 * translation in full to tell.
 */
export type WithEndpoints = (
  view: ProxyView,
  services: readonly Service[],
  last: ResourceSet,
) => WithProblems<ResourceSet> | undefined;

/** Told of what the engine does, for metrics and the bus. Must not throw. Times in milliseconds. */
export interface EngineObserver {
  onSourceEvent(kind: "config" | "endpoint" | "problems"): void;
  onGathered(gathered: Gathered): void;
  onSnapshot(snapshot: MeshSnapshot, buildMs: number): void;
  /** A view was translated, for all proxies that share it. */
  onTranslated(workMs: number): void;
  /** So many problems are new that withhold something. */
  onRejected(problems: number): void;
  /** A proxy was given its set: how long that took, and how long it had waited. */
  /** A change has arrived at all whom it reached. */
  onPropagated(propagated: Propagated): void;
  onPush(proxy: ConnectedProxy, times: { readonly workMs: number; readonly queuedMs: number }): void;
}

/** Settings of {@link createEngine}. */
export interface EngineOptions {
  readonly store: Store;
  readonly translate: Translate;
  /** Default: all at once, which holds the event loop as long as it takes. */
  readonly translateInSteps?: TranslateInSteps;
  /** Default: every change is translated in full. */
  readonly withEndpoints?: WithEndpoints;
  readonly observer: EngineObserver;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly debounce?: DebounceTimes;
  /** Gives the event loop back; setImmediate unless told. */
  readonly yieldTo?: (next: () => void) => void;
}

/**
 * From source events to resource sets: store → debounce → snapshot → whom the change reaches → their views, translated → the connections.
 * Nothing is sent before {@link begin}.
 */
export interface Engine {
  readonly proxies: ProxyRegistry;
  readonly propagation: Pick<Propagation, "recent" | "underWay">;
  apply(event: SourceEvent): void;
  /** All sources have told what they had at the start: from now on proxies are given what they should have. */
  begin(): void;
  /** A client has come; the returned function says that it went. */
  connect(connection: XdsConnection): (() => void) | undefined;
  /** The client has answered for a response. */
  answered(connection: XdsConnection): void;
  /** The mesh that proxies are given now; undefined before {@link begin}. */
  snapshot(): MeshSnapshot | undefined;
  /** What is wrong with what the connected proxies are given now, and with what that was derived from. */
  problems(): readonly Problem[];
  /** Resolves when no proxy waits for a push. */
  idle(): Promise<void>;
  close(): void;
}

/** Objects whose changes are endpoints coming and going. */
const endpointKinds: ReadonlySet<string> = new Set(["EndpointSlice", "Endpoints", "Pod"]);

/** What is ready goes out before more is made, and that before it is looked up who else needs something. */
const rankOf = { given: 0, group: 1, placed: 2 } as const;

/** Creates an {@link Engine}. */
export function createEngine(options: EngineOptions): Engine {
  const { store, observer, clock, logger, yieldTo = (next) => void setImmediate(next) } = options;
  const proxies = createProxyRegistry();
  const problems = createProblemLog(logger);
  const groups = createViewGroups((group) => {
    problems.forget(group);
    failed.delete(group);
  });
  const lastGood = createLastGood();
  const propagation = createPropagation(clock, observer.onPropagated);
  const translation = createGroupTranslation(options);
  /** Groups whose translation has failed: the next change may be what mends it. */
  const failed = new Set<ViewGroup>();
  let snapshot: MeshSnapshot | undefined;
  let headless: (() => ReadonlySet<string>) | undefined;
  let begun = false;

  const viewOf = (proxy: ConnectedProxy, of: MeshSnapshot) => {
    const view = viewFor(of, proxy.node);
    headless ??= once(() => headlessAddresses(of));
    return { view, key: viewKey(view, proxy.nodeKey, headless) };
  };

  const place = (proxy: ConnectedProxy, of: MeshSnapshot): ViewGroup => {
    const { view, key } = viewOf(proxy, of);
    const group = groups.of(view, key);
    // A new group begins with what its first member has: what is equal there is taken over.
    group.set ??= proxy.set;
    groups.move(proxy, group);
    proxy.unplaced = false;
    proxy.servesIn = view.workload?.namespace ?? proxy.node.namespace;
    return group;
  };

  const give = (proxy: ConnectedProxy, set: ResourceSet, workMs: number) => {
    const start = clock.monotonic();
    proxy.set = lastGood.fill(proxy.node.id, set, proxy.set);
    proxy.connection.update(proxy.set);
    const now = clock.monotonic();
    proxy.pushedAt = now;
    observer.onPush(proxy, { workMs: workMs + now - start, queuedMs: start - proxy.queuedAt });
    proxy.changedAt = undefined;
    propagation.given(proxy);
  };

  /** Gives a proxy its group's set, or leaves that to when the group has one. */
  const pushProxy = (proxy: ConnectedProxy, of: MeshSnapshot): "done" => {
    const start = clock.monotonic();
    const group = proxy.unplaced || proxy.group === undefined ? place(proxy, of) : proxy.group;
    proxy.failure = group.failure;
    if (group.failure !== undefined) return "done";
    if (group.lacks !== "nothing" || group.set === undefined) queue.add(group, rankOf.group);
    else give(proxy, group.set, clock.monotonic() - start);
    return "done";
  };

  /** A member of the group, whose view stands for all. What turns out to belong elsewhere goes there. */
  const representative = (group: ViewGroup, of: MeshSnapshot): ProxyView | undefined => {
    for (const proxy of group.members) {
      const { view, key } = viewOf(proxy, of);
      if (key === group.key) return view;
      enqueue(proxy, clock.monotonic(), true);
      groups.leave(proxy);
    }
    return undefined;
  };

  const pushGroup = (group: ViewGroup, of: MeshSnapshot): "done" | "again" => {
    const result = translation.step(group, () => representative(group, of));
    if (result === "again" || result === "nothing") return result === "again" ? "again" : "done";
    observer.onTranslated(result.workMs);
    const fresh = result.partial
      ? problems.add(group, result.problems)
      : problems.report(group, result.problems);
    const errors = fresh.filter(({ severity }) => severity === "error");
    if (errors.length > 0) observer.onRejected(errors.length);
    failed.delete(group);
    group.failure = undefined;
    group.set = result.set;
    for (const proxy of group.members) queue.add(proxy, rankOf.given);
    if (group.lacks !== "nothing") queue.add(group, rankOf.group);
    return "done";
  };

  const fail = (item: ConnectedProxy | ViewGroup, error: unknown) => {
    const failure = error instanceof Error ? error.message : String(error);
    const isGroup = "members" in item;
    if (isGroup) {
      item.lacks = "all";
      item.failure = failure;
      failed.add(item);
    }
    const affected = isGroup ? [...item.members] : [item];
    // A bug in translation must not take the others' configuration away: these proxies keep what they had.
    for (const proxy of affected) proxy.failure = failure;
    logger.error(
      { err: error, proxies: affected.slice(0, 10).map(({ node }) => node.id) },
      "translation failed, the proxies keep their last configuration",
    );
  };
  const work = (item: ConnectedProxy | ViewGroup): "done" | "again" => {
    if (snapshot === undefined) return "done";
    try {
      return "members" in item ? pushGroup(item, snapshot) : pushProxy(item, snapshot);
    } catch (error) {
      fail(item, error);
      return "done";
    }
  };
  const queue = createPushQueue<ConnectedProxy | ViewGroup>({
    work,
    now: () => clock.monotonic(),
    yieldTo,
  });

  const note = (proxy: ConnectedProxy, changedAt: number) => {
    if (proxy.changedAt === undefined) proxy.queuedAt = clock.monotonic();
    proxy.changedAt ??= changedAt;
  };
  const enqueue = (proxy: ConnectedProxy, changedAt: number, unplaced: boolean) => {
    note(proxy, changedAt);
    proxy.unplaced ||= unplaced;
    queue.add(proxy, rankOf.placed);
  };

  const takeSnapshot = (of: "all" | "endpoints"): MeshSnapshot | undefined => {
    try {
      return store.snapshot(of);
    } catch (error) {
      // A bug that one object brings out must not end pilot: proxies keep what they have, and the next change tries again.
      logger.error({ err: error }, "no snapshot of the mesh could be made, the last one stays");
      return undefined;
    }
  };

  /** Whom the way from the last snapshot reaches. */
  const reachFrom = (last: MeshSnapshot | undefined, next: MeshSnapshot): Reached => {
    if (last === undefined) return { groups: new Set(), proxies: proxies.all };
    return reach({ snapshot: next, changes: changesBetween(last, next), groups, proxies });
  };

  const refresh = (gathered: Gathered) => {
    observer.onGathered(gathered);
    const start = clock.monotonic();
    const next = takeSnapshot(gathered.of);
    if (next === undefined || next.version === snapshot?.version) return;
    const reached = reachFrom(snapshot, next);
    snapshot = next;
    headless = undefined;
    problems.report(store, store.derivedProblems());
    observer.onSnapshot(next, clock.monotonic() - start);
    for (const proxy of reached.proxies) enqueue(proxy, gathered.since, true);
    const waiting = new Set(reached.proxies);
    for (const group of new Set([...reached.groups, ...failed])) {
      if (group.members.size > 0) queue.add(group, rankOf.group);
      for (const proxy of group.members) {
        note(proxy, gathered.since);
        waiting.add(proxy);
      }
    }
    propagation.pushed(gathered.of, waiting);
  };
  const debounce = createDebounce(clock, refresh, options.debounce);

  return {
    proxies,
    propagation,
    snapshot: () => snapshot,
    problems: () => problems.standing(),
    apply: (event) => {
      const changed = store.apply(event);
      if (event.kind === "problems") {
        observer.onSourceEvent("problems");
        logSourceProblems(event, logger);
      }
      if (event.kind !== "upsert" && event.kind !== "delete") return;
      const ref = event.kind === "upsert" ? refOf(event.object) : event.ref;
      const of = endpointKinds.has(ref.kind) ? "endpoints" : "all";
      observer.onSourceEvent(of === "endpoints" ? "endpoint" : "config");
      if (!changed || !begun) return;
      propagation.changed(ref, of);
      if (of === "endpoints") debounce.endpoints();
      else debounce.change();
    },
    begin: () => {
      begun = true;
      refresh({ of: "all", changes: 0, waitedMs: 0, since: clock.monotonic() });
    },
    connect: (connection) => {
      const added = proxies.add(connection, clock.monotonic());
      if ("problem" in added) {
        logger.warn({ node: connection.node.id, peer: connection.peer }, `proxy refused: ${added.problem}`);
        connection.close(`the node cannot be read: ${added.problem}`);
        return undefined;
      }
      const { proxy, warnings } = added;
      for (const warning of warnings) logger.warn({ proxy: proxy.node.id }, warning);
      // Before begin() it waits: refresh() enqueues all that are there.
      if (snapshot !== undefined) enqueue(proxy, clock.monotonic(), true);
      return () => {
        queue.remove(proxy);
        proxies.remove(proxy);
        groups.leave(proxy);
        propagation.answered(proxy, "gone");
        lastGood.left(proxy.node.id, proxy.set);
      };
    },
    answered: (connection) => {
      const proxy = proxies.of(connection);
      if (proxy !== undefined) propagation.answered(proxy);
    },
    idle: () => queue.idle(),
    close: () => {
      debounce.close();
      queue.close();
    },
  };
}

/** The result of `make`, made when first asked for. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function logSourceProblems(event: Extract<SourceEvent, { kind: "problems" }>, logger: Logger): void {
  if (event.problems.length === 0) logger.info({ origin: event.origin }, "configuration is sound again");
  for (const problem of event.problems) {
    logger[problem.severity === "error" ? "error" : "warn"]({ code: problem.code }, formatProblem(problem));
  }
}
