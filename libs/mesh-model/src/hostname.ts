/**
 * Makes a host of a configuration object fully qualified: a name without dots means a service of the object's own
 * namespace. Wildcards and names with dots stay as they are.
 */
export function resolveHost(host: string, namespace: string, domainSuffix: string): string {
  if (host === "" || host.includes(".") || host.startsWith("*")) return host;
  return `${host}.${namespace}.svc.${domainSuffix}`;
}

/** Whether `pattern` covers `host`; both may be wildcards (`*`, `*.example.com`, and `*example.com`, as in Istio). */
export function hostCovers(pattern: string, host: string): boolean {
  if (pattern === host || pattern === "*") return true;
  return pattern.startsWith("*") && host.replace(/^\*/, "").endsWith(pattern.slice(1));
}

/** Whether two hosts, either of which may be a wildcard, have a name in common. */
export function hostsOverlap(a: string, b: string): boolean {
  return hostCovers(a, b) || hostCovers(b, a);
}

/** Hosts, exact and with wildcards, prepared for {@link mostSpecificHost}. */
export interface HostIndex<T> {
  readonly byHost: ReadonlyMap<string, T>;
  /** Lengths of the wildcards' fixed parts, the longest first: all that can cover a host is looked up by them. */
  readonly wildcardLengths: readonly number[];
}

/** Prepares hosts for many searches. */
export function indexHosts<T>(byHost: ReadonlyMap<string, T>): HostIndex<T> {
  const lengths = new Set<number>();
  for (const host of byHost.keys()) if (host.startsWith("*")) lengths.add(host.length - 1);
  return { byHost, wildcardLengths: [...lengths].sort((a, b) => b - a) };
}

/** Finds, among exact and wildcard hosts, the one that covers `host` most specifically. */
export function mostSpecificHost<T>(host: string, { byHost, wildcardLengths }: HostIndex<T>): T | undefined {
  const exact = byHost.get(host);
  if (exact !== undefined) return exact;
  for (const length of wildcardLengths) {
    const found = byHost.get(`*${length === 0 ? "" : host.slice(-length)}`);
    if (found !== undefined) return found;
  }
  return undefined;
}
