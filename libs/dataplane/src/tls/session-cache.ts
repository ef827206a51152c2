interface Entry {
  readonly session: Buffer;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

/** TLS sessions to resume: the last one of each of the hosts that were connected to last. */
export interface SessionCache {
  /** A session to resume, for as long as it holds. */
  get(host: string): Buffer | undefined;
  put(host: string, session: Buffer, expires: number): void;
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
      if (entry !== undefined && entry.expires > now()) return entry.session;
      hosts.delete(host);
      return undefined;
    },
    put(host, session, expires) {
      hosts.delete(host);
      hosts.set(host, { session, expires: Math.min(expires, now() + maxAgeMs) });
      const [oldest] = hosts.keys();
      if (hosts.size > maxHosts && oldest !== undefined) hosts.delete(oldest);
    },
    clear: () => hosts.clear(),
  };
}
