import type { ServiceEntry, WorkloadEntry } from "@weft/istio-api";
import { ShardedAddressIndex } from "./address-index.ts";
import type { BuiltServices } from "./build-services.ts";
import type { BuiltWorkloads } from "./build-workloads.ts";
import type { Collection, Stored } from "./collections.ts";
import type { Config } from "./config.ts";
import { endpointsOfEntry } from "./istio/service-entry.ts";
import { joinSlices, podsOfSlice, readSlice, serviceOfSlice } from "./kubernetes/endpoints.ts";
import type { Workload } from "./kubernetes/workload.ts";
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
  readonly index: ReadonlyMap<string, readonly Endpoint[]>;
  readonly byAddress: ShardedAddressIndex;
}

interface BuiltSlice {
  readonly stored: Stored;
  readonly service: string;
  readonly podNames: readonly string[];
  readonly pods: readonly (Workload | undefined)[];
  readonly endpoints: readonly Endpoint[];
}

/**
 * Builds the endpoint index. A service whose slices, pods and nodes have not changed keeps its list; to find that out
 * costs one look at each slice.
 */
export function buildEndpoints(input: EndpointInput, before: BuiltEndpoints | undefined): BuiltEndpoints {
  if (before && sameInput(before.input, input)) return before;
  const slices = new Map<string, BuiltSlice>();
  const changed = new Set<string>();
  for (const [key, stored] of input.slices.objects) {
    const old = before?.slices.get(key);
    const built = buildSlice(stored, input, old, before?.input);
    if (built) slices.set(key, built);
    if (built === old) continue;
    if (built) changed.add(built.service);
    if (old) changed.add(old.service);
  }
  for (const [key, old] of before?.slices ?? []) if (!slices.has(key)) changed.add(old.service);
  const ofService = groupSlices(slices, changed, before?.ofService);
  const index = new Map(before?.index);
  const fromEntries = readServiceEntries(input);
  const entryServices = [...fromEntries.keys(), ...servicesOfEntries(before?.input)];
  const perhapsChanged = new Set([...changed, ...entryServices]);
  for (const service of perhapsChanged) {
    const parts = ofService.get(service)?.map((key) => slices.get(key)?.endpoints ?? []);
    const own = fromEntries.get(service);
    if (parts === undefined && own === undefined) index.delete(service);
    else
      index.set(service, keepEqual(before?.index.get(service), [...joinSlices(parts ?? []), ...(own ?? [])]));
  }
  const byAddress = (before?.byAddress ?? new ShardedAddressIndex()).with(
    [...perhapsChanged].map((service) => ({
      service,
      before: before?.index.get(service) ?? [],
      now: index.get(service) ?? [],
    })),
  );
  return { input, slices, ofService, index, byAddress };
}

/**
 * Groups the slices of the changed services anew, in order of their names: which of two equal endpoints wins must not
 * hang on the order of events.
 */
function groupSlices(
  slices: ReadonlyMap<string, BuiltSlice>,
  changed: ReadonlySet<string>,
  before: ReadonlyMap<string, readonly string[]> | undefined,
): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const [key, { service }] of slices) {
    if (!changed.has(service)) continue;
    const group = groups.get(service);
    if (group) group.push(key);
    else groups.set(service, [key]);
  }
  const all = new Map(before);
  for (const service of changed) {
    const group = groups.get(service);
    if (group) all.set(service, group.sort());
    else all.delete(service);
  }
  return all;
}

function buildSlice(
  stored: Stored,
  input: EndpointInput,
  before: BuiltSlice | undefined,
  beforeInput: EndpointInput | undefined,
): BuiltSlice | undefined {
  const { object } = stored;
  const { byName } = input.workloads.index;
  if (before?.stored === stored) {
    if (beforeInput?.workloads === input.workloads) return before;
    if (before.podNames.every((name, i) => byName.get(name) === before.pods[i])) return before;
  }
  const name = serviceOfSlice(object);
  if (name === undefined) return undefined;
  const { namespace } = object.metadata;
  const podNames = podsOfSlice(object);
  return {
    stored,
    service: serviceKey({ namespace, hostname: `${name}.${namespace}.svc.${input.domainSuffix}` }),
    podNames,
    pods: podNames.map((pod) => byName.get(pod)),
    endpoints: readSlice(object, {
      clusterId: input.clusterId,
      pod: (ns, pod) => byName.get(`${ns}/${pod}`),
    }).map((endpoint) => Object.freeze(endpoint)),
  };
}

/**
 * The endpoints of ServiceEntries, by service. They are few, and cheap to read, so they are read anew each time. A
 * host may have slices as well, where an entry names a Kubernetes service.
 */
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

function servicesOfEntries(input: EndpointInput | undefined): readonly string[] {
  return [...(input?.services.ofEntries.values() ?? [])].flat().map(serviceKey);
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
  return (
    a.slices === b.slices &&
    a.workloads === b.workloads &&
    a.services.entries === b.services.entries &&
    a.workloadEntries === b.workloadEntries
  );
}

function keepEqual(old: readonly Endpoint[] | undefined, now: readonly Endpoint[]): readonly Endpoint[] {
  return old?.length === now.length && JSON.stringify(old) === JSON.stringify(now) ? old : Object.freeze(now);
}
