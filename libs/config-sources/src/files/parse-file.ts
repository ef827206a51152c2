import type { Problem, SourcePosition } from "@weft/base";
import { findKind, validateObject, withoutNulls } from "@weft/istio-api";
import { type MeshObject, type ObjectMeta, objectKey, refOf } from "@weft/mesh-model";
import { type Document, isMap, isSeq, LineCounter, type Node, parseAllDocuments } from "yaml";
import type { CheckObject } from "../source.ts";
import { locate } from "./locate.ts";

/** What a file holds. */
export interface ParsedFile {
  /** The sound objects, in the order they stand. */
  readonly objects: readonly MeshObject[];
  /** Keys of objects that are there but not sound: their last good version stays. */
  readonly broken: readonly string[];
  /** The text as a whole cannot be read: the last good version of everything in it stays. */
  readonly unreadable: boolean;
  readonly problems: readonly Problem[];
}

/** A namespaced object that names no namespace is in this one, as with kubectl. */
const defaultNamespace = "default";

interface FileContext {
  readonly file: string;
  readonly lines: LineCounter;
  readonly check: CheckObject;
}

/**
 * Reads the objects of a YAML or JSON text: several documents, and lists of objects (`kind: List`). Each object is
 * validated, and each problem tells the line it is about.
 */
export function parseFile(file: string, text: string, check: CheckObject = () => []): ParsedFile {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, merge: true, prettyErrors: false });
  const list: readonly Document[] = Array.isArray(documents) ? documents : [];
  const error = list.flatMap((document) => document.errors)[0];
  if (error !== undefined) {
    // Only the first: those behind it mostly follow from it.
    const { line, col } = lines.linePos(error.pos[0]);
    const position = { file, line: Math.max(1, line), column: Math.max(1, col) };
    const problem = { code: "invalid-yaml", path: "", message: firstLine(error.message), position };
    return { objects: [], broken: [], unreadable: true, problems: [{ severity: "error", ...problem }] };
  }
  const context = { file, lines, check };
  const objects: MeshObject[] = [];
  const broken: string[] = [];
  const problems: Problem[] = [];
  for (const document of list) {
    const values = readDocument(document, context);
    if ("problem" in values) return { objects: [], broken: [], unreadable: true, problems: [values.problem] };
    for (const { value, node } of values.items) {
      const read = readObject(value, node, context);
      problems.push(...read.problems);
      if (read.object) objects.push(read.object);
      else if (read.key !== undefined) broken.push(read.key);
    }
  }
  return { objects, broken, unreadable: false, problems };
}

interface Item {
  readonly value: unknown;
  readonly node: Node | null;
}

function readDocument(
  document: Document,
  context: FileContext,
): { readonly items: readonly Item[] } | { readonly problem: Problem } {
  let value: unknown;
  try {
    // Refuses documents that blow themselves up by aliases of aliases.
    value = document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    const position = locate(document.contents, "", context);
    const message = firstLine(cause instanceof Error ? cause.message : String(cause));
    return { problem: { severity: "error", code: "invalid-yaml", path: "", message, position } };
  }
  if (value === null || value === undefined) return { items: [] };
  return { items: flatten(value, document.contents) };
}

/** The objects of a list object, which may itself hold lists; or the object itself. */
function flatten(value: unknown, node: Node | null): readonly Item[] {
  const { kind, items } = (typeof value === "object" ? value : {}) as { kind?: unknown; items?: unknown };
  if (typeof kind !== "string" || !kind.endsWith("List") || !Array.isArray(items)) return [{ value, node }];
  const sequence = isMap(node) ? node.get("items", true) : undefined;
  return items.flatMap((item: unknown, i) =>
    flatten(item, isSeq(sequence) ? (sequence.items[i] as Node) : node),
  );
}

interface ReadObject {
  readonly object?: MeshObject;
  readonly key?: string;
  readonly problems: readonly Problem[];
}

function readObject(value: unknown, node: Node | null, context: FileContext): ReadObject {
  const at = (problem: Problem): Problem => ({ ...problem, position: locate(node, problem.path, context) });
  if (!looksLikeObject(value)) return { problems: [at(notAnObject)] };
  const object = toObject(value, locate(node, "", context));
  const ref = object && refOf(object);
  const told = (problems: readonly Problem[]) =>
    problems.map((problem) => (ref ? { ...at(problem), object: ref } : at(problem)));
  const structural = validateObject(value);
  const problems =
    object && !structural.some(isError) ? [...structural, ...context.check(object)] : structural;
  if (object && !problems.some(isError)) return { object, problems: told(problems) };
  return { ...(ref ? { key: objectKey(ref) } : {}), problems: told(problems) };
}

function isError({ severity }: Problem): boolean {
  return severity === "error";
}

/** Folders hold other YAML, too: values of charts, dumps. That is no error. */
const notAnObject: Problem = {
  severity: "warning",
  code: "not-an-object",
  path: "",
  message: "is not read: it is no Kubernetes object, having neither apiVersion nor kind",
};

function looksLikeObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && ("apiVersion" in value || "kind" in value);
}

/** The object a value describes; undefined where it does not even have a name. */
function toObject(value: unknown, position: SourcePosition): MeshObject | undefined {
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
    position,
  };
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}
