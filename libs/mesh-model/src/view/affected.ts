import type { SnapshotChanges } from "../changes.ts";
import { hostCovers } from "../hostname.ts";
import { meshGateway } from "../istio/resolve-names.ts";
import { isVisibleTo } from "../visibility.ts";
import { imports, parseEgressHosts, selectVirtualServices } from "./egress-hosts.ts";
import type { EgressScope } from "./egress-scope.ts";
import { destinationHosts } from "./virtual-services.ts";

/**
 * Whether a scope, or what follows from it and the DestinationRules, may be another after these changes (endpoints apart). Where it
 * is not, the scope of the snapshot after is the very same object.
 */
export function isAffected(scope: EgressScope, changes: SnapshotChanges): boolean {
  return (
    changes.other ||
    changes.services.some((service) => seesService(scope, service)) ||
    changes.virtualServices.some((config) => seesVirtualService(scope, config)) ||
    // Those that are not visible count as well: they hide what is less specific.
    changes.destinationRules.some(({ spec }) => rulesOver(scope, spec.host))
  );
}

type Hosts = ReturnType<typeof parseEgressHosts>;
const hostsOfScopes = new WeakMap<EgressScope, readonly Hosts[]>();

/** What each listener of a scope's Sidecar imports; empty where it imports everything. */
function hostsOf(scope: EgressScope): readonly Hosts[] {
  const known = hostsOfScopes.get(scope);
  if (known !== undefined) return known;
  const egress = scope.sidecar?.spec.egress ?? [];
  const hosts = egress.map((listener) => parseEgressHosts(listener.hosts, scope.namespace));
  hostsOfScopes.set(scope, hosts);
  return hosts;
}

function seesService(scope: EgressScope, service: SnapshotChanges["services"][number]): boolean {
  if (!isVisibleTo(service.exportTo, scope.namespace)) return false;
  const hosts = hostsOf(scope);
  if (hosts.length === 0) return true;
  if (hosts.some((listener) => imports(listener, service.namespace, service.hostname))) return true;
  // A route that is imported brings its destinations along.
  return destinationsOf(scope).has(service.hostname);
}

function seesVirtualService(scope: EgressScope, config: SnapshotChanges["virtualServices"][number]): boolean {
  if (!isVisibleTo(config.exportTo, scope.namespace) || !config.spec.gateways?.includes(meshGateway))
    return false;
  const hosts = hostsOf(scope);
  return hosts.length === 0 || hosts.some((listener) => selectVirtualServices([config], listener).length > 0);
}

function rulesOver(scope: EgressScope, host: string): boolean {
  if (!host.startsWith("*")) return scope.servicesByHostname.has(host);
  return scope.services.some(({ hostname }) => hostCovers(host, hostname));
}

const destinations = new WeakMap<EgressScope, ReadonlySet<string>>();

function destinationsOf(scope: EgressScope): ReadonlySet<string> {
  const known = destinations.get(scope);
  if (known !== undefined) return known;
  const found = new Set(
    scope.listeners.flatMap(({ virtualServices }) =>
      virtualServices.flatMap(({ spec }) => destinationHosts(spec)),
    ),
  );
  destinations.set(scope, found);
  return found;
}
