/**
 * Makes a host of a configuration object fully qualified: a name without dots means a service of the object's own
 * namespace. Wildcards and names with dots stay as they are.
 */
export function resolveHost(host: string, namespace: string, domainSuffix: string): string {
  if (host === "" || host.includes(".") || host.startsWith("*")) return host;
  return `${host}.${namespace}.svc.${domainSuffix}`;
}

/** Whether `pattern` covers `host`; both may be wildcards (`*`, `*.example.com`). */
export function hostCovers(pattern: string, host: string): boolean {
  if (pattern === host || pattern === "*") return true;
  return (
    pattern.startsWith("*") && host.replace(/^\*/, "").endsWith(pattern.slice(1)) && host !== pattern.slice(1)
  );
}

/** Whether two hosts, either of which may be a wildcard, have a name in common. */
export function hostsOverlap(a: string, b: string): boolean {
  return hostCovers(a, b) || hostCovers(b, a);
}

/** Finds, among exact and wildcard hosts, the one that covers `host` most specifically. */
export function mostSpecificHost<T>(host: string, hosts: ReadonlyMap<string, T>): T | undefined {
  const exact = hosts.get(host);
  if (exact !== undefined) return exact;
  // Every suffix, the longest first: *.b.c, *.c, …; Istio allows * without a dot after it, too.
  for (let start = host.startsWith("*") ? 2 : 1; start < host.length; start++) {
    const found = hosts.get(`*${host.slice(start)}`);
    if (found !== undefined) return found;
  }
  return hosts.get("*");
}
