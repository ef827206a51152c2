export { createDnsCache, type DnsAnswer, type DnsCache, type DnsCacheConfig } from "./cache.ts";
export { createDnsCaches, type DnsCaches } from "./store.ts";
