import type { UpstreamPeer } from "../runtime/connection.ts";

/** A TLS session, with whom it was made with. */
export interface KeptSession {
  readonly session: Buffer;
  /** Undefined where nobody was verified. A resumed connection is not told again. */
  readonly peer: UpstreamPeer | undefined;
}

interface Entry {
  readonly kept: KeptSession;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

/** TLS sessions to resume: the last one of each of the hosts that were connected to last. */
export interface SessionCache {
  /** A session to resume, for as long as it holds. */
  get(host: string): KeptSession | undefined;
  put(host: string, kept: KeptSession, expires: number): void;
  clear(): void;
}

const maxHosts = 256;
/** Verified so long ago, a peer is verified anew: resuming skips that. */
const maxAgeMs = 300_000;

/** Creates an empty cache; `now`: milliseconds since the epoch. */
export function createSessionCache(now: () => number): SessionCache {
  const hosts = new Map<string, Entry>();
  return {
    get(host) {
      const entry = hosts.get(host);
      if (entry !== undefined && entry.expires > now()) return entry.kept;
      hosts.delete(host);
      return undefined;
    },
    put(host, kept, expires) {
      hosts.delete(host);
      hosts.set(host, { kept, expires: Math.min(expires, now() + maxAgeMs) });
      const [oldest] = hosts.keys();
      if (hosts.size > maxHosts && oldest !== undefined) hosts.delete(oldest);
    },
    clear: () => hosts.clear(),
  };
}
