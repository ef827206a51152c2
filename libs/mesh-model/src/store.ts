import { deepFreeze, type ObjectRef, OverlayMap, type Problem, stableStringify } from "@weft/base";
import { defaultMeshConfig, type MeshConfig } from "@weft/istio-api";
import { type BuiltSnapshot, buildSnapshot, endpointKinds } from "./build-snapshot.ts";
import {
  type Collection,
  collectionOf,
  digestOf,
  emptyCollection,
  fingerprint,
  type Stored,
} from "./collections.ts";
import { createDerivations, type Derivation, type ObjectStatus } from "./derivations.ts";
import type { MeshObject, SourceEvent } from "./object.ts";
import type { MeshSnapshot } from "./snapshot.ts";

/** How a {@link Store} starts. */
export interface StoreOptions {
  /** Default: {@link defaultMeshConfig}. */
  readonly meshConfig?: MeshConfig;
  /** Name of the cluster the Kubernetes objects belong to; `Kubernetes`, as in Istio, by default. */
  readonly clusterId?: string;
  /** What makes Istio's configuration of objects of other APIs; nothing by default. */
  readonly derivations?: readonly Derivation[];
}

/** The one place where the mesh's state changes: the objects of all sources. */
export interface Store {
  /** Takes an event in. Tells whether the next snapshot may differ: an object that reads the same changes nothing. */
  apply(event: SourceEvent): boolean;
  /** Tells whether anything in it is different. */
  setMeshConfig(config: MeshConfig): boolean;
  /**
   * The mesh as it stands; the same object as the last one where nothing has changed since. `endpoints`: as it stood, but
   * with the endpoints, pods and nodes of now.
   */
  snapshot(of?: "all" | "endpoints"): MeshSnapshot;
  /** Problems of all origins, in order of the origins' names; then those of {@link derivedProblems}. */
  problems(): readonly Problem[];
  /** Problems of what the last snapshot was derived from: what of other APIs is not carried out. */
  derivedProblems(): readonly Problem[];
  /** What the last snapshot has to say of the objects it was derived from. */
  statuses(): readonly ObjectStatus[];
}

/** Creates an empty store. */
export function createStore(options: StoreOptions = {}): Store {
  const clusterId = options.clusterId ?? "Kubernetes";
  let meshConfig = options.meshConfig ?? defaultMeshConfig;
  const kinds = new Map<string, { readonly objects: Map<string, Stored>; digest: bigint }>();
  /** Names of the objects that have changed since the last snapshot, by kind. */
  const dirty = new Map<string, Set<string>>();
  const frozen = new Map<string, Collection>();
  const problems = new Map<string, readonly Problem[]>();
  const derivations = createDerivations(options.derivations ?? []);
  let built: BuiltSnapshot | undefined;

  const put = (name: string, key: string, stored: Stored | undefined): void => {
    const kind = kinds.get(name) ?? { objects: new Map<string, Stored>(), digest: 0n };
    const old = kind.objects.get(key);
    kinds.set(name, kind);
    if (old) kind.digest ^= digestOf(old.version);
    if (stored) kind.digest ^= digestOf(stored.version);
    if (stored) kind.objects.set(key, stored);
    else kind.objects.delete(key);
    const names = dirty.get(name);
    if (names) names.add(key);
    else dirty.set(name, new Set([key]));
  };
  const upsert = (object: MeshObject): boolean => {
    const name = collectionOf(object);
    const key = `${object.metadata.namespace}/${object.metadata.name}`;
    const version = fingerprint(object);
    if (kinds.get(name)?.objects.get(key)?.version === version) return false;
    put(name, key, { object: deepFreeze(object), version });
    return true;
  };
  const remove = (ref: ObjectRef): boolean => {
    const name = collectionOf(ref);
    const key = `${ref.namespace ?? ""}/${ref.name}`;
    if (!kinds.get(name)?.objects.has(key)) return false;
    put(name, key, undefined);
    return true;
  };

  return {
    apply: (event) => {
      switch (event.kind) {
        case "upsert":
          return upsert(event.object);
        case "delete":
          return remove(event.ref);
        case "problems":
          if (event.problems.length === 0) problems.delete(event.origin);
          else problems.set(event.origin, event.problems);
          return false;
        case "synced":
          return false;
      }
    },
    setMeshConfig: (config) => {
      if (stableStringify(config) === stableStringify(meshConfig)) return false;
      meshConfig = config;
      return true;
    },
    snapshot: (of = "all") => {
      const all = of === "all" || built === undefined;
      const changed = [...dirty].filter(([name]) => all || endpointKinds.includes(name));
      const mesh = all ? meshConfig : built?.input.meshConfig;
      if (built && changed.length === 0 && mesh === built.input.meshConfig) return built.snapshot;
      for (const [name, names] of changed) {
        dirty.delete(name);
        const kind = kinds.get(name);
        if (kind === undefined) continue;
        const last = OverlayMap.over((frozen.get(name) ?? emptyCollection).objects);
        const objects = last.with([...names].map((key) => [key, kind.objects.get(key)] as const));
        frozen.set(name, { objects, digest: kind.digest });
      }
      const config = mesh ?? meshConfig;
      built = buildSnapshot(
        { collections: derivations.extend(new Map(frozen), config), meshConfig: config, clusterId },
        built,
      );
      return built.snapshot;
    },
    problems: () => [
      ...[...problems.keys()].sort().flatMap((origin) => [...(problems.get(origin) ?? [])]),
      ...derivations.problems(),
    ],
    derivedProblems: () => derivations.problems(),
    statuses: () => derivations.statuses(),
  };
}
