import type { MeshConfig, ServiceEntry } from "@weft/istio-api";
import { type Collection, deriveEach } from "./collections.ts";
import { type Config, compareByCreation } from "./config.ts";
import { groupBy } from "./group-by.ts";
import { allocateAddresses } from "./istio/auto-allocate.ts";
import { servicesOf } from "./istio/service-entry.ts";
import { toService } from "./kubernetes/service.ts";
import { resort } from "./resort.ts";
import type { Service } from "./service.ts";
import type { ServiceIndex } from "./snapshot.ts";

/** The services, and what the next build may take over. */
export interface BuiltServices {
  readonly collection: Collection;
  readonly results: ReadonlyMap<string, Service>;
  /** The results in order. */
  readonly sorted: readonly Service[];
  readonly entries: readonly Config<ServiceEntry>[];
  /** Services of each ServiceEntry, by its identity, before they were given addresses. */
  readonly declared: ReadonlyMap<Config<ServiceEntry>, readonly Service[]>;
  /** The same with addresses. */
  readonly ofEntries: ReadonlyMap<Config<ServiceEntry>, readonly Service[]>;
  readonly index: ServiceIndex;
}

/** Builds the service index from Kubernetes Services and ServiceEntries. */
export function buildServices(
  collection: Collection,
  entries: readonly Config<ServiceEntry>[],
  mesh: MeshConfig,
  before: BuiltServices | undefined,
): BuiltServices {
  if (before?.collection === collection && before.entries === entries) return before;
  const results = deriveEach(collection, before, ({ object, version }) =>
    Object.freeze(toService(object, mesh, version)),
  );
  const declared = new Map(
    entries.map((entry) => [entry, before?.declared.get(entry) ?? servicesOf(entry, mesh)] as const),
  );
  const ofEntries =
    before?.entries === entries ? before.ofEntries : withAddresses(declared, before?.ofEntries);
  const sorted = resort(results, before, compareServices);
  const external = [...ofEntries.values()].flat();
  const all = external.length === 0 ? sorted : Object.freeze([...sorted, ...external].sort(compareServices));
  return { collection, results, sorted, entries, declared, ofEntries, index: indexServices(all) };
}

/** Gives addresses to services that have none; a list in which nobody's has changed stays the same object. */
function withAddresses(
  declared: BuiltServices["declared"],
  before: BuiltServices["ofEntries"] | undefined,
): BuiltServices["ofEntries"] {
  const allocated = allocateAddresses([...declared.values()].flat().sort(compareServices));
  const addressesOf = (service: Service) => allocated.get(`${service.namespace}/${service.hostname}`);
  return new Map(
    [...declared].map(([entry, services]) => {
      const now = services.map(addressesOf);
      const old = before?.get(entry);
      if (old?.every(({ autoAllocatedAddresses }, i) => autoAllocatedAddresses?.[0] === now[i]?.[0]))
        return [entry, old];
      return [
        entry,
        services.map((service, i) =>
          Object.freeze(now[i] ? { ...service, autoAllocatedAddresses: now[i] } : service),
        ),
      ];
    }),
  );
}

/** Istio's order; a Kubernetes Service stands before a ServiceEntry with the same place in it. */
function compareServices(a: Service, b: Service): number {
  const order = compareByCreation(a, b);
  if (order !== 0) return order;
  if (a.registry !== b.registry) return a.registry === "Kubernetes" ? -1 : 1;
  return a.hostname < b.hostname ? -1 : a.hostname > b.hostname ? 1 : 0;
}

function indexServices(all: readonly Service[]): ServiceIndex {
  return Object.freeze({
    all,
    byHostname: groupBy(all, ({ hostname }) => hostname),
    byNamespace: groupBy(all, ({ namespace }) => namespace),
  });
}
