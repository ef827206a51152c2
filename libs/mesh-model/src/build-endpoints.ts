import { changedKeys, OverlayMap } from "@weft/base";
import type { ServiceEntry, WorkloadEntry } from "@weft/istio-api";
import { ShardedAddressIndex } from "./address-index.ts";
import type { BuiltServices } from "./build-services.ts";
import type { BuiltWorkloads } from "./build-workloads.ts";
import type { Collection, Stored } from "./collections.ts";
import type { Config } from "./config.ts";
import { endpointsOfEntry } from "./istio/service-entry.ts";
import { joinSlices, podsOfSlice, readSlice, serviceOfSlice } from "./kubernetes/endpoints.ts";
import type { Endpoint } from "./service.ts";
import { serviceKey } from "./snapshot.ts";

/** What endpoints are made of. */
export interface EndpointInput {
  readonly slices: Collection;
  readonly workloads: BuiltWorkloads;
  readonly services: BuiltServices;
  readonly workloadEntries: readonly Config<WorkloadEntry>[];
  readonly clusterId: string;
  readonly domainSuffix: string;
}

/** The endpoint index, and what the next build may take over. */
export interface BuiltEndpoints {
  readonly input: EndpointInput;
  readonly slices: ReadonlyMap<string, BuiltSlice>;
  /** Names of the slices of each service. */
  readonly ofService: ReadonlyMap<string, readonly string[]>;
  readonly fromEntries: ReadonlyMap<string, readonly Endpoint[]>;
  readonly index: ReadonlyMap<string, readonly Endpoint[]>;
  readonly byAddress: ShardedAddressIndex;
}

interface BuiltSlice {
  readonly service: string;
  readonly podNames: readonly string[];
  readonly endpoints: readonly Endpoint[];
}

/**
 * Builds the endpoint index, in the time of what has changed: a service whose slices, pods and nodes are as before
 * keeps its list.
 */
export function buildEndpoints(input: EndpointInput, before: BuiltEndpoints | undefined): BuiltEndpoints {
  if (before && sameInput(before.input, input)) return before;
  const last = before ?? nothing;
  const read = slicesToRead(input, before).map((key) => {
    const stored = input.slices.objects.get(key);
    return [key, stored && buildSlice(stored, input)] as const;
  });
  const slices = OverlayMap.over(last.slices).with(read);
  const ofService = groupSlices(read, last);
  const fromEntries =
    before && sameEntries(before.input, input) ? last.fromEntries : readServiceEntries(input);
  const services = new Set([
    ...changedKeys(last.ofService, ofService),
    ...changedKeys(last.fromEntries, fromEntries),
  ]);
  const lists = [...services].map((service) => {
    const parts = ofService.get(service)?.map((key) => slices.get(key)?.endpoints ?? []);
    const own = fromEntries.get(service);
    if (parts === undefined && own === undefined) return [service, undefined] as const;
    const all = [...joinSlices(parts ?? []), ...(own ?? [])];
    return [service, keepEqual(last.index.get(service), all)] as const;
  });
  const index = OverlayMap.over(last.index).with(lists);
  const byAddress = last.byAddress.with(
    lists.map(([service, now = []]) => ({ service, before: last.index.get(service) ?? [], now })),
  );
  return { input, slices, ofService, fromEntries, index, byAddress };
}

const nothing: Omit<BuiltEndpoints, "input"> = {
  slices: new Map(),
  ofService: new Map(),
  fromEntries: new Map(),
  index: new Map(),
  byAddress: new ShardedAddressIndex(),
};

/** Keys of the slices that are new, gone, or other than before, and of those whose pods are. */
function slicesToRead(input: EndpointInput, before: BuiltEndpoints | undefined): readonly string[] {
  if (before === undefined) return [...input.slices.objects.keys()];
  const changed = changedKeys(before.input.slices.objects, input.slices.objects);
  const pods = new Set(changedKeys(before.input.workloads.index.byName, input.workloads.index.byName));
  if (pods.size === 0) return changed;
  const ofPods = [...before.slices]
    .filter(([, { podNames }]) => podNames.some((name) => pods.has(name)))
    .map(([key]) => key);
  return [...new Set([...changed, ...ofPods])];
}

/**
 * The slices of each service, in order of their names: which of two equal endpoints wins must not hang on the order of
 * events. A service that one of the slices read belongs or belonged to gets another list.
 */
function groupSlices(
  read: readonly (readonly [key: string, slice: BuiltSlice | undefined])[],
  last: Pick<BuiltEndpoints, "slices" | "ofService">,
): BuiltEndpoints["ofService"] {
  const groups = new Map<string, Set<string>>();
  const group = (service: string) => {
    const known = groups.get(service) ?? new Set(last.ofService.get(service));
    groups.set(service, known);
    return known;
  };
  for (const [key, slice] of read) {
    const old = last.slices.get(key);
    if (old) group(old.service).delete(key);
    if (slice) group(slice.service).add(key);
  }
  return OverlayMap.over(last.ofService).with(
    [...groups].map(([service, keys]) => [service, keys.size > 0 ? [...keys].sort() : undefined]),
  );
}

function buildSlice({ object }: Stored, input: EndpointInput): BuiltSlice | undefined {
  const { byName } = input.workloads.index;
  const name = serviceOfSlice(object);
  if (name === undefined) return undefined;
  const { namespace } = object.metadata;
  return {
    service: serviceKey({ namespace, hostname: `${name}.${namespace}.svc.${input.domainSuffix}` }),
    podNames: podsOfSlice(object),
    endpoints: readSlice(object, {
      clusterId: input.clusterId,
      pod: (ns, pod) => byName.get(`${ns}/${pod}`),
    }).map((endpoint) => Object.freeze(endpoint)),
  };
}

/** The endpoints of ServiceEntries, by service. A host may have slices as well, where an entry names a Kubernetes service. */
function readServiceEntries(input: EndpointInput): ReadonlyMap<string, readonly Endpoint[]> {
  const found = new Map<string, readonly Endpoint[]>();
  for (const [entry, services] of input.services.ofEntries) {
    const selectable = selectableWorkloads(entry, input);
    for (const service of services) {
      const key = serviceKey(service);
      found.set(key, [...(found.get(key) ?? []), ...endpointsOfEntry(entry, service, selectable)]);
    }
  }
  return found;
}

function selectableWorkloads(entry: Config<ServiceEntry>, input: EndpointInput) {
  const { clusterId } = input;
  if (entry.spec.workloadSelector === undefined) return { clusterId, workloadEntries: [], pods: [] };
  const here = ({ namespace }: { readonly namespace: string }) => namespace === entry.namespace;
  const pods = [...input.workloads.index.byName.values()].filter(here);
  return {
    clusterId,
    workloadEntries: input.workloadEntries.filter(here),
    pods: pods.sort((a, b) => (a.podName < b.podName ? -1 : 1)),
  };
}

function sameInput(a: EndpointInput, b: EndpointInput): boolean {
  return a.slices === b.slices && a.workloads === b.workloads && sameEntries(a, b);
}

/** Whether ServiceEntries have the endpoints that they had. */
function sameEntries(a: EndpointInput, b: EndpointInput): boolean {
  if (a.services.entries !== b.services.entries) return false;
  const select = b.services.entries.some(({ spec }) => spec.workloadSelector !== undefined);
  return !select || (a.workloads === b.workloads && a.workloadEntries === b.workloadEntries);
}

function keepEqual(old: readonly Endpoint[] | undefined, now: readonly Endpoint[]): readonly Endpoint[] {
  return old?.length === now.length && JSON.stringify(old) === JSON.stringify(now) ? old : Object.freeze(now);
}
