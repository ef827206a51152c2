import type { Clock } from "@weft/base";
import type { PickContext } from "../runtime/cluster.ts";
import type { SocketAddress } from "../runtime/connection.ts";
import { ClusterHost, hostKey } from "./host.ts";

/** More hosts than this at once are not kept: further destinations get no host. */
const maxHosts = 65_536;

/** Hosts made on demand, one for each destination; forgotten when unused for the cleanup interval. */
export interface OnDemandHosts {
  pick(context: PickContext): ClusterHost | undefined;
  readonly hosts: ReadonlyMap<string, ClusterHost>;
  close(): void;
}

/** Where a request is to go; `hostname` is empty where only the address is known. */
export interface Destination extends SocketAddress {
  readonly hostname: string;
}

/** Parts of {@link createOnDemandHosts}. */
export interface OnDemandOptions {
  /** Undefined where the request names no destination, or one that is not known. */
  readonly destinationOf: (context: PickContext) => Destination | undefined;
  readonly cleanupMs: number;
  readonly clock: Clock;
  readonly removed: (hosts: readonly ClusterHost[]) => void;
}

/** https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery#original-destination */
export function createOnDemandHosts(options: OnDemandOptions): OnDemandHosts {
  const { cleanupMs, destinationOf, clock, removed } = options;
  const hosts = new Map<string, ClusterHost>();
  const used = new Set<ClusterHost>();
  let cancel: (() => void) | undefined;

  const sweep = () => {
    cancel = undefined;
    const gone = [...hosts].filter(
      ([, host]) => !used.has(host) && host.activeRequests === 0 && host.figures.cxActive === 0,
    );
    for (const [key] of gone) hosts.delete(key);
    used.clear();
    if (gone.length > 0) removed(gone.map(([, host]) => host));
    if (hosts.size > 0) arm();
  };
  const arm = () => {
    cancel ??= clock.after(cleanupMs, sweep);
  };

  return {
    hosts,
    pick: (context) => {
      const destination = destinationOf(context);
      if (destination === undefined) return undefined;
      // Names are kept apart: what is sent, and who is to answer, may go by them.
      const key = `${hostKey(destination)} ${destination.hostname}`;
      let host = hosts.get(key);
      if (host === undefined) {
        if (hosts.size >= maxHosts) return undefined;
        host = new ClusterHost(
          { ...destination, weight: 1, health: "healthy", metadata: {} },
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
