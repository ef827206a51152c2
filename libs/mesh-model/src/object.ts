import type { ObjectRef, Problem, SourcePosition } from "@weft/base";

/** What the mesh reads of Kubernetes' object metadata. */
export interface ObjectMeta {
  readonly name: string;
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** RFC 3339; absent for objects that no API server has seen. */
  readonly creationTimestamp?: string;
  readonly generation?: number;
  readonly resourceVersion?: string;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly generateName?: string;
}

/** The object that made this one. */
export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly controller?: boolean;
}

/** An object of any kind, as a source found it. Never changed after it was made. */
export interface MeshObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  /** All that stands beside apiVersion, kind and metadata: `spec`, `status`, or an EndpointSlice's `endpoints`. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly position?: SourcePosition;
}

/** What a source of configuration tells the {@link Store}. */
export type SourceEvent =
  | { readonly kind: "upsert"; readonly object: MeshObject }
  | { readonly kind: "delete"; readonly ref: ObjectRef }
  /** All that was there at the start has been told. */
  | { readonly kind: "synced" }
  /** The problems of one origin (a file, an object), replacing those told of it before; none: it is sound again. */
  | { readonly kind: "problems"; readonly origin: string; readonly problems: readonly Problem[] };

/** The reference that names an object in messages and events. */
export function refOf(object: MeshObject): ObjectRef {
  const { apiVersion, kind, metadata } = object;
  const ref = { apiVersion, kind, name: metadata.name };
  return metadata.namespace === "" ? ref : { ...ref, namespace: metadata.namespace };
}

/** API group of an apiVersion: `networking.istio.io/v1` → `networking.istio.io`; empty for Kubernetes' core. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? "" : apiVersion.slice(0, slash);
}

/** Identity of an object whatever its version: `group/Kind/namespace/name`. */
export function objectKey(ref: ObjectRef): string {
  return `${groupOf(ref.apiVersion)}/${ref.kind}/${ref.namespace ?? ""}/${ref.name}`;
}
