import { changedKeys } from "@weft/base";
import type { DestinationRule, VirtualService } from "@weft/istio-api";
import type { Workload } from "./kubernetes/workload.ts";
import type { Endpoint, Service } from "./service.ts";
import type { ConfigLists, Exported, MeshSnapshot } from "./snapshot.ts";

/** What lies between two snapshots, where it can be told what it may matter to. Objects as they were and as they are. */
export interface SnapshotChanges {
  /** Endpoints by the key of their service, `serviceKey`. */
  readonly endpoints: ReadonlyMap<string, EndpointsBetween>;
  readonly services: readonly Service[];
  readonly virtualServices: readonly Exported<VirtualService>[];
  readonly destinationRules: readonly Exported<DestinationRule>[];
  readonly workloads: readonly Workload[];
  /** Something else has changed, which may matter to everything. */
  readonly other: boolean;
}

/** The endpoints of a service before and after. */
export interface EndpointsBetween {
  readonly before: readonly Endpoint[];
  readonly now: readonly Endpoint[];
}

const none: readonly Endpoint[] = [];

type Content = Omit<MeshSnapshot, "memo" | "scopes">;

/**
 * Compares two snapshots. As what has not changed is the same object in both, that takes about the time of what has
 * changed, where one was built after the other.
 */
export function changesBetween(before: Content, now: Content): SnapshotChanges {
  const endpoints = changedKeys(before.endpoints, now.endpoints).map((service) => {
    const between = {
      before: before.endpoints.get(service) ?? none,
      now: now.endpoints.get(service) ?? none,
    };
    return [service, between] as const;
  });
  return {
    endpoints: new Map(endpoints),
    services: changedItems(before.services.all, now.services.all),
    virtualServices: changedConfigs(before.configs.virtualServices, now.configs.virtualServices),
    destinationRules: changedConfigs(before.configs.destinationRules, now.configs.destinationRules),
    workloads: changedKeys(before.workloads.byName, now.workloads.byName).flatMap((name) =>
      [before, now].flatMap(({ workloads }) => workloads.byName.get(name) ?? []),
    ),
    other: othersChanged(before, now),
  };
}

/** Items that only one of the lists has. */
function changedItems<T>(before: readonly T[], now: readonly T[]): readonly T[] {
  if (before === now) return [];
  const [old, added] = [new Set(before), new Set(now)];
  return [...before.filter((item) => !added.has(item)), ...now.filter((item) => !old.has(item))];
}

/** The same, without those that only were read anew. */
function changedConfigs<T extends Exported<unknown>>(before: readonly T[], now: readonly T[]): readonly T[] {
  const changed = changedItems(before, now);
  const identity = ({ namespace, name, version }: T) => `${namespace}/${name}/${version}`;
  const counts = Map.groupBy(changed, identity);
  return changed.filter((config) => counts.get(identity(config))?.length === 1);
}

/** Kinds whose changes are told apart; ServiceEntries and WorkloadEntries show as services and endpoints. */
const toldApart: ReadonlySet<keyof ConfigLists> = new Set([
  "virtualServices",
  "destinationRules",
  "serviceEntries",
  "workloadEntries",
] as const);

function othersChanged(before: Content, now: Content): boolean {
  if (before.meshConfig !== now.meshConfig || before.clusterId !== now.clusterId) return true;
  if (before.namespaces !== now.namespaces || before.credentials !== now.credentials) return true;
  const { others: old, ...oldLists } = before.configs;
  const { others, ...lists } = now.configs;
  const names = Object.keys(lists) as (keyof typeof lists)[]; // of an interface without other fields
  if (names.some((name) => !toldApart.has(name) && oldLists[name] !== lists[name])) return true;
  return changedKeys(old, others).length > 0;
}
