export { changesBetween, type EndpointsBetween, type SnapshotChanges } from "./changes.ts";
export { collectionOf } from "./collections.ts";
export { type Config, compareByCreation, readConfig } from "./config.ts";
export type { Derivation, DerivationInput, Derived, ObjectStatus } from "./derivations.ts";
export {
  type HostIndex,
  hostCovers,
  hostsOverlap,
  indexHosts,
  mostSpecificHost,
  resolveHost,
} from "./hostname.ts";
export { addressesFor } from "./istio/auto-allocate.ts";
export {
  type KeySetSource,
  keySetObject,
  keySetOf,
  keySetSourceKey,
  keySetSourceOf,
} from "./istio/key-set.ts";
export { meshGateway } from "./istio/resolve-names.ts";
export type {
  Authorities,
  Credential,
  CredentialIndex,
  CredentialKind,
  KeyPair,
} from "./kubernetes/credential.ts";
export type { Workload } from "./kubernetes/workload.ts";
export type { Memo } from "./memo.ts";
export {
  type MeshObject,
  type ObjectMeta,
  type OwnerReference,
  objectKey,
  refOf,
  type SourceEvent,
} from "./object.ts";
export { type NodeInput, parseNode } from "./parse-node.ts";
export { isHttp, isSniffed, isTls, type Protocol, parseProtocol, selectProtocol } from "./protocol.ts";
export type { ProxyNode } from "./proxy-node.ts";
export {
  type Endpoint,
  type Locality,
  type Resolution,
  type Service,
  type ServicePort,
  type ServiceTarget,
  selects,
} from "./service.ts";
export {
  type ConfigLists,
  type Exported,
  endpointsOf,
  type MeshSnapshot,
  type Namespace,
  type ServiceIndex,
  serviceKey,
  type WorkloadIndex,
} from "./snapshot.ts";
export { createStore, type Store, type StoreOptions } from "./store.ts";
export { isAffected } from "./view/affected.ts";
export {
  type ConsolidatedDestinationRule,
  destinationRuleFor,
  type RuleClient,
} from "./view/destination-rules.ts";
export type { EgressListener, EgressScope } from "./view/egress-scope.ts";
export { bindsServices, gatewayTargets } from "./view/gateway-services.ts";
export { destinationRuleOf, type ProxyView, viewFor, virtualServicesOf } from "./view/view.ts";
export { virtualServicesForGateway } from "./view/virtual-services.ts";
export { isVisibleTo, parseExportTo, type Visibility } from "./visibility.ts";
