import { promises as dns } from "node:dns";
import { isIP } from "node:net";
import type { Clock } from "@weft/base";
import type { Assignment, Discovery, DnsFamily, Endpoint } from "../runtime/cluster-config.ts";

/** Looks up the addresses of a name; rejects where it has none. */
export interface Resolver {
  resolve(name: string, family: 4 | 6): Promise<readonly string[]>;
}

/** The machine's own way to look up names, /etc/hosts included. */
export const systemResolver: Resolver = {
  resolve: async (name, family) => {
    const found = await dns.lookup(name, { all: true, family });
    return found.map(({ address }) => address);
  },
};

/** Parts of {@link watchDns}. */
export interface DnsWatchOptions {
  readonly discovery: Extract<Discovery, { kind: "dns" }>;
  readonly resolver: Resolver;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Called with each answer; the first time also when nothing could be resolved, with the endpoints left out. */
  readonly onAssignment: (assignment: Assignment) => void;
  readonly onFailure: (name: string, error: unknown) => void;
}

/** Resolves a cluster's names now and at every refresh until closed. A name that fails keeps its last addresses. */
export function watchDns(options: DnsWatchOptions): { close(): void } {
  const { discovery, resolver, clock, random, onAssignment, onFailure } = options;
  const last = new Map<string, readonly string[]>();
  let closed = false;
  /** Rounds in a row in which some name failed. */
  let failures = 0;
  let failed = false;
  let cancel: (() => void) | undefined;

  const lookUp = async (name: string): Promise<readonly string[]> => {
    if (isIP(name) !== 0) return [name];
    try {
      const addresses = await resolveFamily(resolver, name, discovery.family);
      const kept =
        discovery.mode === "logical" ? keepFirst(addresses, last.get(name)) : [...addresses].sort();
      last.set(name, kept);
    } catch (error) {
      failed = true;
      onFailure(name, error);
    }
    return last.get(name) ?? [];
  };

  const nextRefreshMs = () => {
    const { refreshMs, jitterMs, failureRefresh } = discovery;
    if (failures === 0 || failureRefresh === undefined) return refreshMs + random() * jitterMs;
    const { baseMs, maxMs } = failureRefresh;
    // Not at once, however the dice fall: a server that is down would be asked without end.
    return Math.max(1, random() * Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30)));
  };

  const refresh = async () => {
    failed = false;
    const names = new Set(
      discovery.endpoints.localities.flatMap(({ endpoints }) => endpoints.map(({ address }) => address)),
    );
    const addresses = new Map<string, readonly string[]>();
    await Promise.all([...names].map(async (name) => addresses.set(name, await lookUp(name))));
    if (closed) return;
    onAssignment(expand(discovery.endpoints, addresses));
    failures = failed ? failures + 1 : 0;
    cancel = clock.after(nextRefreshMs(), () => void refresh());
  };
  void refresh();
  return {
    close: () => {
      closed = true;
      cancel?.();
    },
  };
}

/** The addresses of a name that are wanted; rejects where it has none. */
export async function resolveFamily(
  resolver: Resolver,
  name: string,
  family: DnsFamily,
): Promise<readonly string[]> {
  switch (family) {
    case "v4":
      return resolver.resolve(name, 4);
    case "v6":
      return resolver.resolve(name, 6);
    case "auto":
      return preferred(resolver, name, 6, 4);
    case "v4-preferred":
      return preferred(resolver, name, 4, 6);
    case "all": {
      const [four, six] = await Promise.allSettled([resolver.resolve(name, 4), resolver.resolve(name, 6)]);
      const found = [four, six].flatMap((result) => (result.status === "fulfilled" ? result.value : []));
      if (found.length === 0 && four.status === "rejected") throw four.reason;
      return found;
    }
  }
}

/** Addresses of the first family where there are any, else of the second. */
async function preferred(resolver: Resolver, name: string, first: 4 | 6, second: 4 | 6) {
  const found = await resolver.resolve(name, first).catch(() => []); // the second family's failure is told
  return found.length > 0 ? found : resolver.resolve(name, second);
}

/** A logical cluster has one host; it stays where it is while the answer still holds that address. */
function keepFirst(addresses: readonly string[], present: readonly string[] | undefined): readonly string[] {
  const kept = present?.[0];
  return kept !== undefined && addresses.includes(kept) ? [kept] : addresses.slice(0, 1);
}

function expand(named: Assignment, addresses: ReadonlyMap<string, readonly string[]>): Assignment {
  const resolved = (endpoint: Endpoint): Endpoint[] =>
    (addresses.get(endpoint.address) ?? []).map((address) => ({
      ...endpoint,
      address,
      hostname: endpoint.hostname === "" ? endpoint.address : endpoint.hostname,
    }));
  return {
    ...named,
    localities: named.localities.map((locality) => ({
      ...locality,
      endpoints: locality.endpoints.flatMap(resolved),
    })),
  };
}
