import type { ServiceEntry, WorkloadEntry } from "@weft/istio-api";
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
  /** The slices each service's list was joined from. */
  readonly joined: ReadonlyMap<string, readonly BuiltSlice[]>;
  readonly index: ReadonlyMap<string, readonly Endpoint[]>;
}

interface BuiltSlice {
  readonly stored: Stored;
  readonly service: string;
  readonly podNames: readonly string[];
  readonly pods: readonly (Workload | undefined)[];
  readonly endpoints: readonly Endpoint[];
}

/** Builds the endpoint index. A service whose slices, pods and nodes have not changed keeps its list. */
export function buildEndpoints(input: EndpointInput, before: BuiltEndpoints | undefined): BuiltEndpoints {
  if (before && sameInput(before.input, input)) return before;
  const slices = new Map<string, BuiltSlice>();
  for (const [key, stored] of input.slices.objects) {
    const built = buildSlice(stored, input, before?.slices.get(key), before?.input);
    if (built) slices.set(key, built);
  }
  const joined = new Map<string, BuiltSlice[]>();
  // In order of their names, so that which of two equal endpoints wins does not hang on the order of events.
  for (const [, slice] of [...slices].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const list = joined.get(slice.service);
    if (list) list.push(slice);
    else joined.set(slice.service, [slice]);
  }
  const index = new Map<string, readonly Endpoint[]>();
  for (const [service, parts] of joined) {
    const kept = sameItems(before?.joined.get(service), parts) ? before?.index.get(service) : undefined;
    index.set(service, kept ?? Object.freeze(joinSlices(parts.map(({ endpoints }) => endpoints))));
  }
  addServiceEntries(input, before, index);
  return { input, slices, joined, index };
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

function addServiceEntries(
  input: EndpointInput,
  before: BuiltEndpoints | undefined,
  index: Map<string, readonly Endpoint[]>,
): void {
  for (const [entry, services] of input.services.ofEntries) {
    const selectable = selectableWorkloads(entry, input);
    for (const service of services) {
      const key = serviceKey(service);
      const own = endpointsOfEntry(entry, service, selectable);
      const all = [...(index.get(key) ?? []), ...own];
      const old = before?.index.get(key);
      index.set(key, old && equalEndpoints(old, all) ? old : Object.freeze(all));
    }
  }
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

function sameItems<T>(a: readonly T[] | undefined, b: readonly T[]): boolean {
  return a !== undefined && a.length === b.length && a.every((item, i) => item === b[i]);
}

function equalEndpoints(a: readonly Endpoint[], b: readonly Endpoint[]): boolean {
  return a.length === b.length && JSON.stringify(a) === JSON.stringify(b);
}
