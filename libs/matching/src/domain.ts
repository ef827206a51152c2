import { asciiLower } from "./ascii.ts";
import { MatcherError } from "./error.ts";

/** One virtual host: the domains it answers for, and what is found. */
export interface DomainEntry<T> {
  /** `host`, `host:port`, `*.suffix`, `prefix.*` or `*`; case does not matter. */
  readonly domains: readonly string[];
  readonly value: T;
}

/** Options of {@link compileDomains}. */
export interface DomainOptions {
  /** Leaves the port of the host aside, as `ignore_port_in_host_matching` does. Default false. */
  readonly ignorePort?: boolean;
}

/** Finds what answers for a host (the Host header or :authority, as received). */
export type DomainLookup<T> = (host: string) => T | undefined;

/**
 * Compiles virtual hosts to a lookup: the exact domain, else the longest suffix (`*.x`), else the longest prefix
 * (`x.*`), else `*`. A wildcard stands for at least one character.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-virtualhost
 * @throws {MatcherError} `duplicate-domain`
 */
export function compileDomains<T>(
  entries: readonly DomainEntry<T>[],
  { ignorePort = false }: DomainOptions = {},
): DomainLookup<T> {
  const exact = new Map<string, T>();
  const suffixes = new Map<number, Map<string, T>>();
  const prefixes = new Map<number, Map<string, T>>();
  let any: { readonly value: T } | undefined;
  for (const { domains, value } of entries) {
    for (const domain of domains.map(asciiLower)) {
      if (domain === "*") {
        if (any !== undefined) throw duplicate(domain);
        any = { value };
      } else if (domain.startsWith("*")) addWildcard(suffixes, domain.slice(1), domain, value);
      else if (domain.endsWith("*")) addWildcard(prefixes, domain.slice(0, -1), domain, value);
      else add(exact, domain, domain, value);
    }
  }
  const fallback = any?.value;
  if (exact.size === 0 && suffixes.size === 0 && prefixes.size === 0) return () => fallback;
  const bySuffix = longestFirst(suffixes);
  const byPrefix = longestFirst(prefixes);
  return (received) => {
    const host = asciiLower(ignorePort ? stripPort(received) : received);
    const found = exact.get(host);
    if (found !== undefined || exact.has(host)) return found;
    for (const [length, values] of bySuffix) {
      if (length >= host.length) continue;
      const suffix = host.slice(host.length - length);
      if (values.has(suffix)) return values.get(suffix);
    }
    for (const [length, values] of byPrefix) {
      if (length >= host.length) continue;
      const prefix = host.slice(0, length);
      if (values.has(prefix)) return values.get(prefix);
    }
    return fallback;
  };
}

/** The host without its port: `a:80` and `[::1]:80` lose it, `::1` has none. */
export function stripPort(host: string): string {
  const colon = host.lastIndexOf(":");
  if (colon < 0 || host.indexOf("]", colon) >= 0) return host;
  if (host.indexOf(":") !== colon && !host.startsWith("[")) return host;
  return /^\d{1,5}$/.test(host.slice(colon + 1)) ? host.slice(0, colon) : host;
}

function addWildcard<T>(
  byLength: Map<number, Map<string, T>>,
  fixed: string,
  domain: string,
  value: T,
): void {
  const values = byLength.get(fixed.length) ?? new Map<string, T>();
  byLength.set(fixed.length, values);
  add(values, fixed, domain, value);
}

function add<T>(values: Map<string, T>, key: string, domain: string, value: T): void {
  if (values.has(key)) throw duplicate(domain);
  values.set(key, value);
}

function duplicate(domain: string): MatcherError {
  return new MatcherError("duplicate-domain", `domain "${domain}" is given twice, allowed is once`);
}

function longestFirst<T>(
  byLength: ReadonlyMap<number, Map<string, T>>,
): readonly (readonly [number, Map<string, T>])[] {
  return [...byLength].sort(([a], [b]) => b - a);
}
