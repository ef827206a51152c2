import { changedKeys, contentHash, OverlayMap, stableStringify } from "@weft/base";
import { toWorkload } from "./kubernetes/workload.ts";
import { groupOf, type MeshObject } from "./object.ts";

/** An object in the store, with the hash of what the mesh reads of it. */
export interface Stored {
  readonly object: MeshObject;
  readonly version: string;
}

/** The objects of one kind by `namespace/name`. A new map (another identity) after each change. */
export interface Collection {
  readonly objects: ReadonlyMap<string, Stored>;
  /**
   * Hash of the whole: the hashes of its objects, each of which holds the object's name, put together by exclusive or.
   * So it does not hang on their order, and a change costs the same however many there are.
   */
  readonly digest: bigint;
}

/** All objects by `group/Kind`. */
export type Collections = ReadonlyMap<string, Collection>;

/** A collection without objects. */
export const emptyCollection: Collection = { objects: new Map(), digest: 0n };

/** Name of the collection an object belongs to; versions of a kind share one. */
export function collectionOf(object: { readonly apiVersion: string; readonly kind: string }): string {
  return `${groupOf(object.apiVersion)}/${object.kind}`;
}

/** Kinds whose annotations are not read, and change all the time: heartbeats of nodes, trigger times of slices. */
const withoutAnnotations: readonly string[] = ["Node", "EndpointSlice"];

/**
 * Hash of what the mesh reads of an object: not its status, nor the API server's book-keeping; of pods and nodes only
 * the few fields that matter, as the rest changes all the time.
 */
export function fingerprint(object: MeshObject): string {
  const { metadata, kind, apiVersion, body } = object;
  if (kind === "Pod" && apiVersion === "v1") return contentHash(stableStringify(toWorkload(object, {})));
  const content = { ...body };
  delete content.status;
  return contentHash(
    stableStringify({
      apiVersion,
      kind,
      name: metadata.name,
      namespace: metadata.namespace,
      labels: metadata.labels,
      annotations: withoutAnnotations.includes(kind) ? {} : metadata.annotations,
      creationTimestamp: metadata.creationTimestamp ?? "",
      content: kind === "Node" ? {} : content,
    }),
  );
}

/** The bits of a hash as {@link contentHash} gives it. */
export function digestOf(version: string): bigint {
  return BigInt(`0x${Buffer.from(version, "base64url").toString("hex")}`);
}

/** Applies `derive` to each object, taking over results for objects that have not changed. */
export function deriveEach<T>(
  now: Collection,
  before: { readonly collection: Collection; readonly results: ReadonlyMap<string, T> } | undefined,
  derive: (stored: Stored) => T,
): ReadonlyMap<string, T> {
  const known = before ?? { collection: emptyCollection, results: new Map<string, T>() };
  const changed = changedKeys(known.collection.objects, now.objects);
  return OverlayMap.over(known.results).with(
    changed.map((key) => {
      const stored = now.objects.get(key);
      return [key, stored && derive(stored)];
    }),
  );
}
