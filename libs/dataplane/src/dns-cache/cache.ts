import type { Clock } from "@weft/base";
import { type Resolver, resolveFamily } from "../cluster/dns.ts";
import type { DnsFamily } from "../runtime/cluster-config.ts";
import type { StatsScope } from "../runtime/stats.ts";

/** Settings of a cache; times in milliseconds. */
export interface DnsCacheConfig {
  readonly name: string;
  readonly family: DnsFamily;
  readonly refreshMs: number;
  /** A name nobody asked for so long is forgotten. */
  readonly hostTtlMs: number;
  /** More names than this are not looked up. */
  readonly maxHosts: number;
  /** How long to wait for an answer; 0: as long as it takes. */
  readonly queryTimeoutMs: number;
  /** Requests that may wait for an answer. */
  readonly maxPending: number;
  /** Looked up at once, and kept. */
  readonly preresolved: readonly string[];
}

/** What is known of a name. `none`: it has no address. */
export type DnsAnswer =
  | { readonly kind: "found"; readonly address: string }
  | { readonly kind: "none" | "overflow" | "pending-overflow" };

/** Addresses of names that requests bring, looked up when they are first asked for. */
export interface DnsCache {
  readonly config: DnsCacheConfig;
  /** The address of a name that was loaded; undefined where it is not known. Never looks it up. */
  addressOf(name: string): string | undefined;
  /** Calls `done` once, at once where the name is known. The function it gives cancels. */
  load(name: string, done: (answer: DnsAnswer) => void): () => void;
  close(): void;
}

interface Entry {
  address: string | undefined;
  /** The first answer has come. */
  known: boolean;
  lastUsed: number;
  readonly pinned: boolean;
  readonly waiting: Set<(answer: DnsAnswer) => void>;
  cancelTimer: () => void;
}

/** https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/dynamic_forward_proxy_filter */
export function createDnsCache(
  config: DnsCacheConfig,
  {
    clock,
    resolver,
    stats,
  }: { readonly clock: Clock; readonly resolver: Resolver; readonly stats: StatsScope },
): DnsCache {
  const entries = new Map<string, Entry>();
  const hosts = stats.gauge("num_hosts");
  let pending = 0;
  let closed = false;

  const answerOf = ({ address }: Entry): DnsAnswer =>
    address === undefined ? { kind: "none" } : { kind: "found", address };

  const remove = (name: string) => {
    entries.delete(name);
    hosts.set(entries.size);
    stats.counter("host_removed").inc();
  };

  const lookUp = async (name: string, entry: Entry) => {
    stats.counter("dns_query_attempt").inc();
    const address = await firstAddress(name);
    if (closed || entries.get(name) !== entry) return;
    if (address === undefined) {
      stats.counter("dns_query_failure").inc();
    } else {
      stats.counter("dns_query_success").inc();
      if (address !== entry.address) stats.counter("host_address_changed").inc();
      // A name that cannot be looked up any more keeps the address that it had.
      entry.address = address;
    }
    entry.known = true;
    const waiting = [...entry.waiting];
    entry.waiting.clear();
    pending -= waiting.length;
    for (const done of waiting) done(answerOf(entry));
    entry.cancelTimer = clock.after(config.refreshMs, () => refresh(name, entry));
  };

  const refresh = (name: string, entry: Entry) => {
    if (!entry.pinned && clock.monotonic() - entry.lastUsed > config.hostTtlMs) remove(name);
    else void lookUp(name, entry);
  };

  const firstAddress = (name: string): Promise<string | undefined> =>
    new Promise((resolve) => {
      const cancel =
        config.queryTimeoutMs === 0
          ? () => {}
          : clock.after(config.queryTimeoutMs, () => {
              stats.counter("dns_query_timeout").inc();
              resolve(undefined);
            });
      resolveFamily(resolver, name, config.family).then(
        ([first]) => {
          cancel();
          resolve(first);
        },
        () => {
          cancel();
          resolve(undefined); // counted as a failure, which is all there is to say
        },
      );
    });

  const add = (name: string, pinned: boolean): Entry => {
    const entry: Entry = {
      address: undefined,
      known: false,
      lastUsed: clock.monotonic(),
      pinned,
      waiting: new Set(),
      cancelTimer: () => {},
    };
    entries.set(name, entry);
    hosts.set(entries.size);
    stats.counter("host_added").inc();
    void lookUp(name, entry);
    return entry;
  };
  for (const name of config.preresolved) add(name, true);

  return {
    config,
    addressOf(name) {
      const entry = entries.get(name);
      if (entry === undefined) return undefined;
      entry.lastUsed = clock.monotonic();
      return entry.address;
    },
    load(name, done) {
      let entry = entries.get(name);
      if (entry === undefined && entries.size >= config.maxHosts) {
        stats.counter("host_overflow").inc();
        done({ kind: "overflow" });
        return () => {};
      }
      entry ??= add(name, false);
      entry.lastUsed = clock.monotonic();
      if (entry.known) {
        done(answerOf(entry));
        return () => {};
      }
      if (pending >= config.maxPending) {
        stats.counter("dns_rq_pending_overflow").inc();
        done({ kind: "pending-overflow" });
        return () => {};
      }
      const { waiting } = entry;
      pending++;
      waiting.add(done);
      return () => {
        if (waiting.delete(done)) pending--;
      };
    },
    close() {
      closed = true;
      for (const entry of entries.values()) entry.cancelTimer();
      entries.clear();
    },
  };
}
