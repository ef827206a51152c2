import { type Backoff, type Clock, createBackoff } from "@weft/base";
import type { EventSink } from "@weft/config-sources";
import { type KeySetSource, keySetObject, keySetSourceKey, refOf } from "@weft/mesh-model";
import type { Logger } from "@weft/observability";
import { fetchKeySet } from "./key-set.ts";

/** A source of keys that some policy names. */
export interface WantedKeySet {
  readonly source: KeySetSource;
  /** How long its fetch may take. */
  readonly timeoutMs: number;
}

/** Settings of {@link createJwksResolver}. */
export interface JwksResolverOptions {
  /** Takes key sets as objects beside the configuration. */
  readonly sink: EventSink;
  /** Fetches one document within a time; `signal` ends it. */
  readonly fetch: (
    url: string,
    limits: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ) => Promise<string>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told of each fetch. */
  readonly onFetch: (succeeded: boolean) => void;
  /** Time between fetches that succeed; PILOT_JWT_PUB_KEY_REFRESH_INTERVAL, 20 minutes in Istio. */
  readonly refreshMs?: number;
  /** Time after a first failure, 1 s; it doubles with each further one, up to the refresh interval. */
  readonly retryMs?: number;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
  /** Sources that are looked after at once; what is beyond is not fetched. */
  readonly maxSources?: number;
}

/** Keeps the keys that verify tokens: fetched, fetched again from time to time, and told of when they change. */
export interface JwksResolver {
  /** What is wanted now; what no longer is will be forgotten. */
  want(wanted: readonly WantedKeySet[]): void;
  close(): void;
}

/** Fetches that run at the same time; others wait for their turn. */
const maxParallel = 8;

/** One source, while it is wanted. */
class KeySetEntry {
  readonly #options: Required<JwksResolverOptions>;
  readonly #turns: Turns;
  readonly #abort = new AbortController();
  readonly #source: KeySetSource;
  timeoutMs: number;
  #jwks: string | undefined;
  readonly #backoff: Backoff;
  #cancel: (() => void) | undefined;

  constructor(wanted: WantedKeySet, options: Required<JwksResolverOptions>, turns: Turns) {
    this.#options = options;
    this.#turns = turns;
    this.#source = wanted.source;
    this.timeoutMs = wanted.timeoutMs;
    const { retryMs, refreshMs, random } = options;
    this.#backoff = createBackoff({ initialMs: retryMs, maxMs: refreshMs, random });
    this.#fetchInTurn();
  }

  /** Proxies are told that there are no keys. */
  forget(): void {
    this.close();
    if (this.#jwks !== undefined)
      this.#options.sink({ kind: "delete", ref: refOf(keySetObject(this.#source, "")) });
  }

  close(): void {
    this.#abort.abort();
    this.#cancel?.();
  }

  #fetchInTurn(): void {
    this.#turns.take(() => (this.#abort.signal.aborted ? undefined : this.#fetch()));
  }

  async #fetch(): Promise<void> {
    const { fetch, logger, onFetch, refreshMs } = this.#options;
    const { signal } = this.#abort;
    let delayMs = refreshMs;
    try {
      const jwks = await fetchKeySet(this.#source, (url) =>
        fetch(url, { timeoutMs: this.timeoutMs, signal }),
      );
      if (signal.aborted) return;
      this.#backoff.reset();
      onFetch(true);
      this.#take(jwks);
    } catch (error) {
      if (signal.aborted) return;
      delayMs = this.#backoff.next();
      onFetch(false);
      logger.warn(
        { reason: error instanceof Error ? error.message : String(error), retryMs: delayMs },
        this.#jwks === undefined
          ? `keys of ${this.#source.url} cannot be fetched, its tokens are refused`
          : `keys of ${this.#source.url} cannot be fetched, the last ones stay`,
      );
    }
    this.#cancel = this.#options.clock.after(delayMs, () => this.#fetchInTurn());
  }

  #take(jwks: string): void {
    if (jwks === this.#jwks) return;
    this.#options.logger.info({ source: this.#source.url }, "keys of an issuer have changed");
    this.#jwks = jwks;
    this.#options.sink({ kind: "upsert", object: keySetObject(this.#source, jwks) });
  }
}

/** Lets a bounded number of jobs run at once. */
class Turns {
  readonly #waiting: (() => Promise<void> | undefined)[] = [];
  #running = 0;

  take(job: () => Promise<void> | undefined): void {
    this.#waiting.push(job);
    this.#next();
  }

  #next(): void {
    while (this.#running < maxParallel) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      const running = job();
      if (running === undefined) continue;
      this.#running++;
      void running.finally(() => {
        this.#running--;
        this.#next();
      });
    }
  }
}

/** Creates a {@link JwksResolver}, which fetches nothing before something is wanted. */
export function createJwksResolver(options: JwksResolverOptions): JwksResolver {
  const settings = {
    refreshMs: 20 * 60_000,
    retryMs: 1000,
    maxSources: 1000,
    random: Math.random,
    ...options,
  };
  const entries = new Map<string, KeySetEntry>();
  const turns = new Turns();
  let tooMany = 0;
  return {
    want: (wanted) => {
      const byKey = new Map(wanted.map((one) => [keySetSourceKey(one.source), one]));
      const kept = new Map([...byKey].slice(0, settings.maxSources));
      const beyond = byKey.size - kept.size;
      if (beyond > tooMany)
        settings.logger.error(`${beyond} sources of keys are beyond ${settings.maxSources} and not fetched`);
      tooMany = beyond;
      for (const [key, entry] of entries) {
        if (kept.has(key)) continue;
        entries.delete(key);
        entry.forget();
      }
      for (const [key, one] of kept) {
        const entry = entries.get(key);
        if (entry === undefined) entries.set(key, new KeySetEntry(one, settings, turns));
        else entry.timeoutMs = one.timeoutMs;
      }
    },
    close: () => {
      for (const entry of entries.values()) entry.close();
      entries.clear();
    },
  };
}
