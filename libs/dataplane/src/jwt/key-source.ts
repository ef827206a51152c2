import type { Clock } from "@weft/base";
import { type JwtFailure, jwtFailures } from "./failure.ts";
import { importKeys, type JwtKeySet } from "./keys.ts";
import type { ParsedToken } from "./token.ts";
import { VerifiedTokens } from "./verified-tokens.ts";

/** Keys, with the tokens that they have verified. */
export interface ActiveKeys {
  readonly set: JwtKeySet;
  readonly verified: VerifiedTokens;
}

/** Where a provider's keys come from. */
export interface KeySource {
  /** Gives keys, or why there are none: at once where they are at hand. */
  get(done: (keys: ActiveKeys | JwtFailure) => void): void;
  /** A token that the keys at hand have verified. */
  recall(text: string): ParsedToken | undefined;
}

/** True for a failure among outcomes. */
export function isFailure<T extends object>(value: T | JwtFailure): value is JwtFailure {
  return "message" in value;
}

/** Keys that came with the configuration; undefined for a set without any. */
export function localKeys(set: JwtKeySet | undefined, cacheSize: number): KeySource {
  const keys = set && { set, verified: new VerifiedTokens(cacheSize) };
  return {
    get: (done) => done(keys ?? jwtFailures.noKeys),
    recall: (text) => keys?.verified.get(text),
  };
}

/** Settings of {@link remoteKeys}; times in milliseconds. */
export interface RemoteKeysOptions {
  /** Fetches the set once; undefined where that fails. Calls back once, sooner or later. */
  readonly fetch: (done: (text: string | undefined) => void) => void;
  /** How long a set is used before it is fetched again. */
  readonly cacheMs: number;
  readonly cacheSize: number;
  readonly clock: Clock;
  readonly onFetch: (succeeded: boolean) => void;
}

/** After a fetch that failed none is tried for this long: who asks meanwhile is refused. */
const failedPauseMs = 1000;
/** Requests that may wait for one fetch. */
const maxWaiting = 1000;

/** Keys that are fetched when first needed, once for all who wait. A failed fetch verifies nothing. */
export function remoteKeys(options: RemoteKeysOptions): KeySource {
  const { fetch, cacheMs, cacheSize, clock, onFetch } = options;
  let state: ActiveKeys | JwtFailure | undefined;
  let until = 0;
  let waiting: ((keys: ActiveKeys | JwtFailure) => void)[] = [];
  const settle = (next: ActiveKeys | JwtFailure, ms: number) => {
    state = next;
    until = clock.monotonic() + ms;
    const told = waiting;
    waiting = [];
    for (const done of told) done(next);
  };
  const fetched = (text: string | undefined) => {
    onFetch(text !== undefined);
    if (text === undefined) {
      settle(jwtFailures.fetch, failedPauseMs);
      return;
    }
    const set = importKeys(text, () => {});
    if (set === undefined) settle(jwtFailures.noKeys, failedPauseMs);
    else settle({ set, verified: new VerifiedTokens(cacheSize) }, cacheMs);
  };
  return {
    recall: (text) =>
      state !== undefined && !isFailure(state) && clock.monotonic() < until
        ? state.verified.get(text)
        : undefined,
    get(done) {
      if (state !== undefined && clock.monotonic() < until) {
        done(state);
        return;
      }
      if (waiting.length >= maxWaiting) {
        done(jwtFailures.fetch);
        return;
      }
      waiting.push(done);
      if (waiting.length === 1) fetch(fetched);
    },
  };
}
