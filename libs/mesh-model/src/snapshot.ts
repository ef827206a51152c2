import type {
  DestinationRule,
  Gateway,
  MeshConfig,
  ServiceEntry,
  Sidecar,
  VirtualService,
  WorkloadEntry,
} from "@weft/istio-api";
import type { AddressIndex } from "./address-index.ts";
import type { Config } from "./config.ts";
import type { CredentialIndex } from "./kubernetes/credential.ts";
import type { Workload } from "./kubernetes/workload.ts";
import type { Memo } from "./memo.ts";
import type { Endpoint, Service } from "./service.ts";
import type { ScopeMemo } from "./view/scope-memo.ts";
import type { Visibility } from "./visibility.ts";

/** A configuration object with its visibility resolved. */
export interface Exported<Spec> extends Config<Spec> {
  readonly exportTo: Visibility;
}

/** Every Istio kind, in Istio's order (the older first), with short host and gateway names made whole. */
export interface ConfigLists {
  /** Delegates are merged; `gateways` holds `mesh` or `namespace/name`; absent has become `["mesh"]`. */
  readonly virtualServices: readonly Exported<VirtualService>[];
  readonly destinationRules: readonly Exported<DestinationRule>[];
  readonly gateways: readonly Config<Gateway>[];
  readonly sidecars: readonly Config<Sidecar>[];
  readonly serviceEntries: readonly Config<ServiceEntry>[];
  readonly workloadEntries: readonly Config<WorkloadEntry>[];
  /** Kinds that later work gives types to (security, telemetry, EnvoyFilter …), by kind. */
  readonly others: ReadonlyMap<string, readonly Config<unknown>[]>;
}

/** The services of the mesh. */
export interface ServiceIndex {
  /** In Istio's order: the older first, then by name, then by namespace. */
  readonly all: readonly Service[];
  /** Most hosts have one service; ServiceEntries of several namespaces may share one. */
  readonly byHostname: ReadonlyMap<string, readonly Service[]>;
  readonly byNamespace: ReadonlyMap<string, readonly Service[]>;
}

/** The pods of the mesh. */
export interface WorkloadIndex {
  /** By `namespace/name`. */
  readonly byName: ReadonlyMap<string, Workload>;
  readonly byAddress: ReadonlyMap<string, readonly Workload[]>;
}

/** A namespace and its labels. */
export interface Namespace {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * The mesh at one moment. Frozen; the same objects give the same snapshot, whatever order they came in. What has not
 * changed since the snapshot before is the same object in both, so identity tells what to build anew.
 */
export interface MeshSnapshot {
  /** Hash of all content. */
  readonly version: string;
  /** Hash of all content but that of EndpointSlices, Pods and Nodes. */
  readonly configVersion: string;
  readonly meshConfig: MeshConfig;
  /** Name of the cluster the Kubernetes objects belong to. */
  readonly clusterId: string;
  readonly services: ServiceIndex;
  /** By {@link serviceKey}; the list of a service is the same array while its endpoints stay the same. */
  readonly endpoints: ReadonlyMap<string, readonly Endpoint[]>;
  readonly servicesByAddress: AddressIndex;
  readonly workloads: WorkloadIndex;
  readonly namespaces: ReadonlyMap<string, Namespace>;
  readonly configs: ConfigLists;
  readonly credentials: CredentialIndex;
  /** Answers that follow from all but the endpoints, shared by those who ask; stays while `configVersion` does. */
  readonly memo: Memo;
  /** The scopes that were asked for. A scope that the next snapshot has as well is the same object there. */
  readonly scopes: ScopeMemo;
}

/** Key of a service in the endpoint index: a host name may stand in several namespaces. */
export function serviceKey(service: { readonly namespace: string; readonly hostname: string }): string {
  return `${service.namespace}/${service.hostname}`;
}

const none: readonly Endpoint[] = [];

/** All endpoints of a service, ready or not, on all of its ports. */
export function endpointsOf(snapshot: MeshSnapshot, service: Service): readonly Endpoint[] {
  return snapshot.endpoints.get(serviceKey(service)) ?? none;
}
