import { deepFreeze, type Problem } from "@weft/base";
import { defaultMeshConfig, type MeshConfig } from "@weft/istio-api";
import { type BuiltSnapshot, buildSnapshot } from "./build-snapshot.ts";
import { type Collection, collectionOf, combineVersions, fingerprint, type Stored } from "./collections.ts";
import type { SourceEvent } from "./object.ts";
import type { MeshSnapshot } from "./snapshot.ts";

/** How a {@link Store} starts. */
export interface StoreOptions {
  /** Default: {@link defaultMeshConfig}. */
  readonly meshConfig?: MeshConfig;
  /** Name of the cluster the Kubernetes objects belong to; `Kubernetes`, as in Istio, by default. */
  readonly clusterId?: string;
}

/** The one place where the mesh's state changes: the objects of all sources. */
export interface Store {
  /** Takes an event in. Tells whether the next snapshot may differ: an object that reads the same changes nothing. */
  apply(event: SourceEvent): boolean;
  setMeshConfig(config: MeshConfig): boolean;
  /** The mesh as it stands; the same object as the last one where nothing has changed since. */
  snapshot(): MeshSnapshot;
  /** Problems of all origins, in order of the origins' names. */
  problems(): readonly Problem[];
}

/** Creates an empty store. */
export function createStore(options: StoreOptions = {}): Store {
  const clusterId = options.clusterId ?? "Kubernetes";
  let meshConfig = options.meshConfig ?? defaultMeshConfig;
  const objects = new Map<string, Map<string, Stored>>();
  const dirty = new Set<string>();
  const frozen = new Map<string, Collection>();
  const problems = new Map<string, readonly Problem[]>();
  let built: BuiltSnapshot | undefined;
  let meshConfigChanged = false;

  const upsert = ({ object }: Extract<SourceEvent, { kind: "upsert" }>): boolean => {
    const name = collectionOf(object);
    const key = `${object.metadata.namespace}/${object.metadata.name}`;
    const collection = objects.get(name) ?? new Map<string, Stored>();
    const version = fingerprint(object);
    const changed = collection.get(key)?.version !== version;
    if (!changed) return false;
    objects.set(name, collection.set(key, { object: deepFreeze(object), version }));
    dirty.add(name);
    return true;
  };
  const remove = ({ ref }: Extract<SourceEvent, { kind: "delete" }>): boolean => {
    const name = collectionOf(ref);
    if (!objects.get(name)?.delete(`${ref.namespace ?? ""}/${ref.name}`)) return false;
    dirty.add(name);
    return true;
  };

  return {
    apply: (event) => {
      switch (event.kind) {
        case "upsert":
          return upsert(event);
        case "delete":
          return remove(event);
        case "problems":
          if (event.problems.length === 0) problems.delete(event.origin);
          else problems.set(event.origin, event.problems);
          return false;
        case "synced":
          return false;
      }
    },
    setMeshConfig: (config) => {
      meshConfig = config;
      meshConfigChanged = true;
      return true;
    },
    snapshot: () => {
      if (built && dirty.size === 0 && !meshConfigChanged) return built.snapshot;
      for (const name of dirty) {
        const now = new Map(objects.get(name));
        frozen.set(name, {
          objects: now,
          version: combineVersions([...now.values()].map(({ version }) => version)),
        });
      }
      dirty.clear();
      meshConfigChanged = false;
      built = buildSnapshot({ collections: new Map(frozen), meshConfig, clusterId }, built);
      return built.snapshot;
    },
    problems: () => [...problems.keys()].sort().flatMap((origin) => [...(problems.get(origin) ?? [])]),
  };
}
