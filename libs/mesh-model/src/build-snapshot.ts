import { contentHash, stableStringify } from "@weft/base";
import type { MeshConfig } from "@weft/istio-api";
import { type BuiltConfigs, buildConfigs } from "./build-configs.ts";
import { type BuiltEndpoints, buildEndpoints } from "./build-endpoints.ts";
import { type BuiltServices, buildServices } from "./build-services.ts";
import { type BuiltWorkloads, buildWorkloads } from "./build-workloads.ts";
import { changesBetween } from "./changes.ts";
import { type Collection, type Collections, emptyCollection } from "./collections.ts";
import { grantKind, indexCredentials } from "./kubernetes/credential.ts";
import { createMemo } from "./memo.ts";
import type { MeshSnapshot, Namespace } from "./snapshot.ts";
import { isAffected } from "./view/affected.ts";
import { createScopeMemo } from "./view/scope-memo.ts";

/** Everything a snapshot is made of. */
export interface SnapshotInput {
  readonly collections: Collections;
  readonly meshConfig: MeshConfig;
  readonly clusterId: string;
}

/** A snapshot with what the next build may take over from it. */
export interface BuiltSnapshot {
  readonly input: SnapshotInput;
  readonly snapshot: MeshSnapshot;
  readonly configs: BuiltConfigs;
  readonly services: BuiltServices;
  readonly workloads: BuiltWorkloads;
  readonly endpoints: BuiltEndpoints;
}

/** Kinds that change all the time and that proxies learn of as endpoints alone. */
export const endpointKinds: readonly string[] = ["/Node", "/Pod", "discovery.k8s.io/EndpointSlice"];

/** Kinds that hold certificates. */
const credentialKinds = ["/Secret", "/ConfigMap", grantKind];

/** How many scopes (one per namespace and Sidecar) are kept beside a snapshot. */
const maxScopes = 20_000;

/** Builds the snapshot of a set of objects; parts that have not changed since `before` are taken over. */
export function buildSnapshot(input: SnapshotInput, before?: BuiltSnapshot): BuiltSnapshot {
  const { collections, meshConfig, clusterId } = input;
  // Another mesh config may change how everything is read.
  const old = before?.input.meshConfig === meshConfig ? before : undefined;
  const collection = (name: string): Collection => collections.get(name) ?? emptyCollection;
  const configs = buildConfigs(collections, meshConfig, old?.configs);
  const services = buildServices(
    collection("/Service"),
    configs.lists.serviceEntries,
    meshConfig,
    old?.services,
  );
  const workloads = buildWorkloads(collection("/Pod"), collection("/Node"), old?.workloads);
  const endpoints = buildEndpoints(
    {
      slices: collection("discovery.k8s.io/EndpointSlice"),
      workloads,
      services,
      workloadEntries: configs.lists.workloadEntries,
      clusterId,
      domainSuffix: meshConfig.domainSuffix,
    },
    old?.endpoints,
  );
  const configVersion = versionOf(input, (name) => !endpointKinds.includes(name));
  const content = {
    version: versionOf(input, () => true),
    configVersion,
    meshConfig,
    clusterId,
    services: services.index,
    endpoints: endpoints.index,
    servicesByAddress: endpoints.byAddress,
    workloads: workloads.index,
    namespaces: namespacesOf(collection("/Namespace"), old),
    configs: configs.lists,
    credentials: credentialsOf(collection, old),
  };
  const snapshot = Object.freeze({ ...content, ...memosFor(content, old) });
  return { input, snapshot, configs, services, workloads, endpoints };
}

type Memos = Pick<MeshSnapshot, "memo" | "scopes">;

/** Answers that stay: all of them while the configuration does, else the scopes that no change is about. */
function memosFor(now: Omit<MeshSnapshot, keyof Memos>, old: BuiltSnapshot | undefined): Memos {
  const before = old?.snapshot;
  if (before?.configVersion === now.configVersion) return { memo: before.memo, scopes: before.scopes };
  const memo = createMemo(maxScopes);
  if (before === undefined) return { memo, scopes: createScopeMemo(maxScopes) };
  const changes = changesBetween(before, now);
  return { memo, scopes: before.scopes.without((scope) => isAffected(scope, changes)) };
}

/** Read again only where one of the objects has changed. */
function credentialsOf(
  collection: (name: string) => Collection,
  old: BuiltSnapshot | undefined,
): MeshSnapshot["credentials"] {
  const same = credentialKinds.every(
    (name) => (old?.input.collections.get(name) ?? emptyCollection) === collection(name),
  );
  return old && same ? old.snapshot.credentials : indexCredentials(collection);
}

function versionOf(input: SnapshotInput, counts: (collection: string) => boolean): string {
  const parts = [...input.collections]
    .filter(([name, { objects }]) => counts(name) && objects.size > 0)
    .map(([name, { digest }]) => `${name}=${digest.toString(36)}`)
    .sort();
  return contentHash(`${stableStringify(input.meshConfig)}\n${input.clusterId}\n${parts.join("\n")}`);
}

function namespacesOf(
  collection: Collection,
  old: BuiltSnapshot | undefined,
): ReadonlyMap<string, Namespace> {
  if (old && (old.input.collections.get("/Namespace") ?? emptyCollection) === collection)
    return old.snapshot.namespaces;
  return new Map(
    [...collection.objects.values()]
      .map(({ object }) => ({ name: object.metadata.name, labels: object.metadata.labels }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((namespace) => [namespace.name, Object.freeze(namespace)]),
  );
}
