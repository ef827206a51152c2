import type { SourcePosition } from "@weft/base";
import type { MeshObject } from "./object.ts";

/** An Istio configuration object with a typed spec. */
export interface Config<Spec> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch; 0 where unknown. */
  readonly createdAt: number;
  readonly spec: Spec;
  /** Hash of the content; equal content, equal version. */
  readonly version: string;
  readonly position?: SourcePosition;
}

/** Milliseconds since the epoch of an object's creation; 0 where it tells none. */
export function creationTime(object: MeshObject): number {
  const stamp = object.metadata.creationTimestamp;
  const ms = stamp === undefined ? Number.NaN : Date.parse(stamp);
  return Number.isNaN(ms) ? 0 : ms;
}

/** Something with a place in Istio's order of objects. */
export interface Ordered {
  readonly name: string;
  readonly namespace: string;
  readonly createdAt: number;
}

/** Istio's order: the older first, then by name, then by namespace; so that a newcomer never takes over. */
export function compareByCreation(a: Ordered, b: Ordered): number {
  if (a.createdAt !== b.createdAt) return a.createdAt - b.createdAt;
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.namespace < b.namespace ? -1 : a.namespace > b.namespace ? 1 : 0;
}

/** Reads an object as configuration with a spec of type `Spec`; the caller has validated it. */
export function toConfig<Spec>(object: MeshObject, version: string): Config<Spec> {
  const { name, namespace, labels, annotations } = object.metadata;
  const config = {
    apiVersion: object.apiVersion,
    kind: object.kind,
    name,
    namespace,
    labels,
    annotations,
    createdAt: creationTime(object),
    // The structural validation of the kind has passed before an object comes here.
    spec: (object.body.spec ?? {}) as Spec,
    version,
  };
  return object.position ? { ...config, position: object.position } : config;
}

/** Reads an object as configuration before it is in a store, where its version does not matter yet. */
export function readConfig<Spec>(object: MeshObject): Config<Spec> {
  return toConfig(object, "");
}
