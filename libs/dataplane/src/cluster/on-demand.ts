import type { Clock } from "@weft/base";
import type { PickContext } from "../runtime/cluster.ts";
import { ClusterHost, hostKey } from "./host.ts";

/** More hosts than this at once are not kept: further destinations get no host. */
const maxHosts = 65_536;

/** Hosts made on demand, one for each original destination; forgotten when unused for the cleanup interval. */
export interface OriginalDstHosts {
  pick(context: PickContext): ClusterHost | undefined;
  readonly hosts: ReadonlyMap<string, ClusterHost>;
  close(): void;
}

/** Parts of {@link createOriginalDstHosts}. */
export interface OriginalDstOptions {
  readonly cleanupMs: number;
  readonly portOverride: number | undefined;
  readonly clock: Clock;
  readonly removed: (hosts: readonly ClusterHost[]) => void;
}

/** https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery#original-destination */
export function createOriginalDstHosts(options: OriginalDstOptions): OriginalDstHosts {
  const { cleanupMs, portOverride, clock, removed } = options;
  const hosts = new Map<string, ClusterHost>();
  const used = new Set<ClusterHost>();
  let cancel: (() => void) | undefined;

  const sweep = () => {
    cancel = undefined;
    const gone = [...hosts.values()].filter(
      (host) => !used.has(host) && host.activeRequests === 0 && host.figures.cxActive === 0,
    );
    for (const host of gone) hosts.delete(host.key);
    used.clear();
    if (gone.length > 0) removed(gone);
    if (hosts.size > 0) arm();
  };
  const arm = () => {
    cancel ??= clock.after(cleanupMs, sweep);
  };

  return {
    hosts,
    pick: ({ originalDestination }) => {
      if (originalDestination === undefined) return undefined;
      const destination = { ...originalDestination, port: portOverride ?? originalDestination.port };
      const key = hostKey(destination);
      let host = hosts.get(key);
      if (host === undefined) {
        if (hosts.size >= maxHosts) return undefined;
        host = new ClusterHost(
          { ...destination, hostname: "", weight: 1, health: "healthy", metadata: {} },
          { region: "", zone: "", subZone: "" },
          0,
        );
        hosts.set(key, host);
        arm();
      }
      used.add(host);
      return host;
    },
    close: () => cancel?.(),
  };
}
