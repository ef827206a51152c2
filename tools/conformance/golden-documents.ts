import type { MeshObject } from "@weft/mesh-model";
import { parseAllDocuments } from "yaml";

interface Identified {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** An object as a golden file has it. */
export function toDocument({ apiVersion, kind, metadata, body }: MeshObject): object {
  const { name, namespace, annotations, creationTimestamp } = metadata;
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      namespace,
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
      ...(creationTimestamp ? { creationTimestamp } : {}),
    },
    ...body,
  };
}

/**
 * The objects of a golden file, or of JSON, by kind, namespace and name, in a form that can be compared: conditions by type,
 * without messages (they are each implementation's own), times, and what protobuf does not write (empty texts).
 */
export function readGolden(
  text: string,
  counts: (kind: string) => boolean,
): Readonly<Record<string, unknown>> {
  const parsed = text.startsWith("[") ? (JSON.parse(text) as unknown[]) : readYaml(text);
  const objects = parsed.filter((value): value is Identified => value !== null && typeof value === "object");
  const byKey = objects
    .filter(({ kind }) => counts(kind))
    .map((object) => {
      const { name, namespace = "" } = object.metadata;
      return [`${object.kind} ${namespace}/${name}`, normalize(object)] as const;
    });
  return Object.fromEntries(byKey.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function readYaml(text: string): readonly unknown[] {
  const documents = parseAllDocuments(text);
  return Array.isArray(documents) ? documents.map((document) => document.toJS() as unknown) : [];
}

function normalize(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normalize);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).filter(
    ([key, inner]) => key !== "lastTransitionTime" && inner !== "" && inner !== null,
  );
  return Object.fromEntries(
    entries.map(([key, inner]) => [
      key,
      key === "conditions" && Array.isArray(inner) ? conditionsByType(inner) : normalize(inner),
    ]),
  );
}

function conditionsByType(conditions: readonly { type: string; status: string; reason: string }[]): object {
  return Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]));
}
