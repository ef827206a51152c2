import type { Problem, SourcePosition } from "@weft/base";
import { findKind, validateObject, withoutNulls } from "@weft/istio-api";
import { type MeshObject, type ObjectMeta, refOf } from "@weft/mesh-model";
import type { CheckObject } from "./source.ts";

/** A namespaced object that names no namespace is in this one, as with kubectl. */
const defaultNamespace = "default";

/** A value read as an object: itself where it is sound, and what is wrong with it. */
export interface CheckedObject {
  /** As much of an object as it is; undefined where it does not even have a name. */
  readonly object?: MeshObject;
  /** Whether the object may be used. */
  readonly sound: boolean;
  readonly problems: readonly Problem[];
}

/** Validates a value by structure, then by `check`. Errors make it unsound, warnings do not. */
export function checkObject(value: unknown, check: CheckObject, position?: SourcePosition): CheckedObject {
  const object = toMeshObject(value, position);
  const structural = validateObject(value);
  const problems = object && !structural.some(isError) ? [...structural, ...check(object)] : structural;
  const ref = object && refOf(object);
  return {
    ...(object ? { object } : {}),
    sound: object !== undefined && !problems.some(isError),
    problems: ref ? problems.map((problem) => ({ ...problem, object: ref })) : problems,
  };
}

function isError({ severity }: Problem): boolean {
  return severity === "error";
}

/** The object a value describes, with what the mesh reads of its metadata; undefined where it does not have a name. */
export function toMeshObject(value: unknown, position?: SourcePosition): MeshObject | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { apiVersion, kind, metadata, ...body } = value as Readonly<Record<string, unknown>>;
  if (typeof apiVersion !== "string" || typeof kind !== "string") return undefined;
  // Only what validation has passed goes on as an object; until then the type says more than is known.
  const meta = metadata as (Partial<ObjectMeta> & Readonly<Record<string, unknown>>) | null | undefined;
  if (typeof meta?.name !== "string") return undefined;
  const slash = apiVersion.indexOf("/");
  const known = findKind(slash < 0 ? "" : apiVersion.slice(0, slash), kind);
  const { creationTimestamp, generation, resourceVersion, ownerReferences } = meta;
  return {
    apiVersion,
    kind,
    metadata: {
      name: meta.name,
      namespace: known?.scope === "Cluster" ? "" : meta.namespace || defaultNamespace,
      labels: meta.labels ?? {},
      annotations: meta.annotations ?? {},
      ...(creationTimestamp ? { creationTimestamp } : {}),
      ...(generation ? { generation } : {}),
      ...(resourceVersion ? { resourceVersion } : {}),
      ...(ownerReferences ? { ownerReferences } : {}),
    },
    body: known ? withoutNulls(known.body, body) : body,
    ...(position ? { position } : {}),
  };
}
