import { findKind, type Schema } from "@weft/istio-api";

/** Annotations that are as long as the object itself, and tell the mesh nothing. */
const longAnnotations: readonly string[] = ["kubectl.kubernetes.io/last-applied-configuration"];

/**
 * Leaves of an object of the API server what the mesh reads: of metadata a few fields, of kinds of Kubernetes itself
 * only the fields that their schema names, of no other kind the status. Ten thousand pods are mostly what is dropped here.
 *
 * @param value An object of a list or a watch.
 * @param kind Its apiVersion and kind, which the items of a list do not carry themselves.
 */
export function strip(value: unknown, kind: { readonly apiVersion: string; readonly kind: string }): unknown {
  if (!isRecord(value)) return value;
  const { metadata, status, apiVersion: _, kind: __, ...rest } = value;
  const slash = kind.apiVersion.indexOf("/");
  const known = findKind(slash < 0 ? "" : kind.apiVersion.slice(0, slash), kind.kind);
  const open = known?.body.rule.kind === "object" && known.body.rule.open;
  const body = known && open ? (project(known.body, { ...rest, status }) as object) : rest;
  return { ...kind, metadata: stripMetadata(metadata), ...body };
}

function stripMetadata(metadata: unknown): unknown {
  if (!isRecord(metadata)) return metadata;
  const { name, namespace, labels, creationTimestamp, generation, resourceVersion, ownerReferences } =
    metadata;
  const annotations = Object.fromEntries(
    Object.entries(isRecord(metadata.annotations) ? metadata.annotations : {}).filter(
      ([key]) => !longAnnotations.includes(key),
    ),
  );
  const kept = {
    name,
    namespace,
    labels,
    annotations,
    creationTimestamp,
    generation,
    resourceVersion,
    ownerReferences,
  };
  return Object.fromEntries(Object.entries(kept).filter(([, field]) => field !== undefined));
}

/** The parts of a value that an open schema names. */
function project(schema: Schema, value: unknown): unknown {
  const { rule } = schema;
  if (rule.kind === "list" && Array.isArray(value)) return value.map((item) => project(rule.item, item));
  if (rule.kind !== "object" || !rule.open || !isRecord(value)) return value;
  const kept: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(rule.fields)) {
    if (value[name] !== undefined) kept[name] = project(field, value[name]);
  }
  return kept;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
