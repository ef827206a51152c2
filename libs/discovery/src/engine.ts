import { type Clock, formatProblem, type WithProblems } from "@weft/base";
import type { ResourceSet } from "@weft/envoy-api";
import { type MeshSnapshot, type ProxyView, type SourceEvent, type Store, viewFor } from "@weft/mesh-model";
import type { Logger } from "@weft/observability";
import type { XdsConnection } from "@weft/xds";
import { createProblemLog } from "./problem-log.ts";
import { type ConnectedProxy, createProxyRegistry, type ProxyRegistry } from "./proxies.ts";
import { createDebounce, type DebounceTimes, type Gathered } from "./push/debounce.ts";
import { createLastGood } from "./push/last-good.ts";
import { createPushQueue } from "./push/push-queue.ts";
import { createSharedSets, headlessAddresses, viewKey } from "./push/share.ts";

/**
 * Turns a view into resources. An object that cannot be translated is left out, and reported. What is equal in `previous`, the last set
 * of the same proxy, may be taken over.
 */
export type Translate = (view: ProxyView, previous?: ResourceSet) => WithProblems<ResourceSet>;

/** Makes ahead what translating a view will need, a small piece at each step. */
export type Prepare = (view: ProxyView) => Iterator<void>;

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
  onPush(proxy: ConnectedProxy, times: { readonly workMs: number; readonly queuedMs: number }): void;
}

/** Settings of {@link createEngine}. */
export interface EngineOptions {
  readonly store: Store;
  readonly translate: Translate;
  /** Default: nothing is prepared, and a first translation holds the event loop as long as it takes. */
  readonly prepare?: Prepare;
  readonly observer: EngineObserver;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly debounce?: DebounceTimes;
  /** Gives the event loop back; setImmediate unless told. */
  readonly yieldTo?: (next: () => void) => void;
}

/**
 * From source events to resource sets: store → debounce → snapshot → for each connected proxy its view, translated → the connection.
 * Nothing is sent before {@link begin}.
 */
export interface Engine {
  readonly proxies: ProxyRegistry;
  apply(event: SourceEvent): void;
  /** All sources have told what they had at the start: from now on proxies are given what they should have. */
  begin(): void;
  /** A client has come; the returned function says that it went. */
  connect(connection: XdsConnection): (() => void) | undefined;
  /** The mesh that proxies are given now; undefined before {@link begin}. */
  snapshot(): MeshSnapshot | undefined;
  /** Resolves when no proxy waits for a push. */
  idle(): Promise<void>;
  close(): void;
}

/** Longest time that preparing holds the event loop, milliseconds. */
const prepareBudgetMs = 8;

/** Prepares a view for a while; the function tells whether that is done. One view at a time, as the push queue takes them. */
function createPreparation(prepare: Prepare | undefined, clock: Clock): (view: ProxyView) => boolean {
  let of: Pick<ProxyView, "scope" | "snapshot" | "node"> | undefined;
  let steps: Iterator<void> | undefined;
  return (view) => {
    const { scope, snapshot, node } = view;
    if (of?.scope !== scope || of.snapshot !== snapshot || of.node !== node) {
      of = { scope, snapshot, node };
      steps = prepare?.(view);
    }
    const start = clock.monotonic();
    while (steps !== undefined && clock.monotonic() - start < prepareBudgetMs)
      if (steps.next().done === true) steps = undefined;
    return steps === undefined;
  };
}

/** Objects whose changes are endpoints coming and going. */
const endpointKinds: ReadonlySet<string> = new Set(["EndpointSlice", "Endpoints"]);

/** Creates an {@link Engine}. */
export function createEngine(options: EngineOptions): Engine {
  const { store, translate, observer, clock, logger, yieldTo = (next) => void setImmediate(next) } = options;
  const proxies = createProxyRegistry();
  const shared = createSharedSets<WithProblems<ResourceSet>>();
  const problems = createProblemLog(logger);
  const lastGood = createLastGood();
  let snapshot: MeshSnapshot | undefined;
  let headless: ReadonlySet<string> = new Set();
  let begun = false;
  const prepareSome = createPreparation(options.prepare, clock);

  /** Gives a proxy its set. Where that has to be translated first, giving it is left for the next turn of the event loop. */
  const push = (proxy: ConnectedProxy): "done" | "again" => {
    if (snapshot === undefined) return "done";
    const start = clock.monotonic();
    let translated = false;
    try {
      const view = viewFor(snapshot, proxy.node);
      const key = viewKey(view, proxy.nodeKey, headless);
      // A proxy that has a set needs little that is new.
      if (proxy.set === undefined && !shared.has(snapshot.version, key) && !prepareSome(view)) return "again";
      const { value: set, problems: found } = shared.get(snapshot.version, key, () => {
        translated = true;
        return translate(view, proxy.set);
      });
      if (translated) {
        observer.onTranslated(clock.monotonic() - start);
        const errors = problems.report(found).filter(({ severity }) => severity === "error");
        if (errors.length > 0) observer.onRejected(errors.length);
        return "again";
      }
      proxy.failure = undefined;
      proxy.set = lastGood.fill(proxy.node.id, set, proxy.set);
      proxy.connection.update(proxy.set);
    } catch (error) {
      // A bug in translation must not take the others' configuration away: this proxy keeps what it had.
      proxy.failure = error instanceof Error ? error.message : String(error);
      logger.error(
        { err: error, proxy: proxy.node.id },
        "translation failed, the proxy keeps its last configuration",
      );
    }
    const now = clock.monotonic();
    proxy.pushedAt = now;
    observer.onPush(proxy, { workMs: now - start, queuedMs: start - proxy.queuedAt });
    proxy.changedAt = undefined;
    return "done";
  };
  const queue = createPushQueue<ConnectedProxy>({ work: push, now: () => clock.monotonic(), yieldTo });

  const enqueue = (proxy: ConnectedProxy, changedAt: number) => {
    if (proxy.changedAt === undefined) proxy.queuedAt = clock.monotonic();
    proxy.changedAt ??= changedAt;
    queue.add(proxy);
  };

  const takeSnapshot = (): MeshSnapshot | undefined => {
    try {
      return store.snapshot();
    } catch (error) {
      // A bug that one object brings out must not end pilot: proxies keep what they have, and the next change tries again.
      logger.error({ err: error }, "no snapshot of the mesh could be made, the last one stays");
      return undefined;
    }
  };

  const refresh = (gathered: Gathered) => {
    observer.onGathered(gathered);
    const start = clock.monotonic();
    const next = takeSnapshot();
    if (next === undefined || next.version === snapshot?.version) return;
    snapshot = next;
    headless = headlessAddresses(next);
    problems.next();
    problems.report(store.derivedProblems());
    observer.onSnapshot(next, clock.monotonic() - start);
    for (const proxy of proxies.all) enqueue(proxy, gathered.since);
  };
  const debounce = createDebounce(clock, refresh, options.debounce);

  return {
    proxies,
    snapshot: () => snapshot,
    apply: (event) => {
      const changed = store.apply(event);
      if (event.kind === "problems") {
        observer.onSourceEvent("problems");
        logSourceProblems(event, logger);
      }
      if (event.kind !== "upsert" && event.kind !== "delete") return;
      const kind = event.kind === "upsert" ? event.object.kind : event.ref.kind;
      const ofEndpoints = endpointKinds.has(kind);
      observer.onSourceEvent(ofEndpoints ? "endpoint" : "config");
      if (!changed || !begun) return;
      if (ofEndpoints) debounce.endpoints();
      else debounce.change();
    },
    begin: () => {
      begun = true;
      refresh({ changes: 0, waitedMs: 0, since: clock.monotonic() });
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
      if (snapshot !== undefined) enqueue(proxy, clock.monotonic());
      return () => {
        queue.remove(proxy);
        proxies.remove(proxy);
        lastGood.left(proxy.node.id, proxy.set);
      };
    },
    idle: () => queue.idle(),
    close: () => {
      debounce.close();
      queue.close();
    },
  };
}

function logSourceProblems(event: Extract<SourceEvent, { kind: "problems" }>, logger: Logger): void {
  if (event.problems.length === 0) logger.info({ origin: event.origin }, "configuration is sound again");
  for (const problem of event.problems) {
    logger[problem.severity === "error" ? "error" : "warn"]({ code: problem.code }, formatProblem(problem));
  }
}
