import type { Clock } from "@weft/base";
import type { Resolver } from "../cluster/dns.ts";
import type { StatsScope } from "../runtime/stats.ts";
import { createDnsCache, type DnsCache, type DnsCacheConfig } from "./cache.ts";

/** The caches of the process, by name: clusters and filters that name the same one share it. */
export interface DnsCaches {
  /** Undefined where there is one of that name with other settings: they must be the same, as in Envoy. */
  get(config: DnsCacheConfig): DnsCache | undefined;
  close(): void;
}

/** Creates an empty store. Caches stay until the process ends: they are as many as configurations had names for them. */
export function createDnsCaches(options: {
  readonly clock: Clock;
  readonly resolver: Resolver;
  readonly stats: StatsScope;
}): DnsCaches {
  const caches = new Map<string, DnsCache>();
  return {
    get(config) {
      const known = caches.get(config.name);
      if (known !== undefined)
        return JSON.stringify(known.config) === JSON.stringify(config) ? known : undefined;
      const cache = createDnsCache(config, {
        ...options,
        stats: options.stats.scope(`dns_cache.${config.name}`),
      });
      caches.set(config.name, cache);
      return cache;
    },
    close() {
      for (const cache of caches.values()) cache.close();
      caches.clear();
    },
  };
}
