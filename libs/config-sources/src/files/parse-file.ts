import type { Problem } from "@weft/base";
import { type MeshObject, objectKey, refOf } from "@weft/mesh-model";
import { type Document, isMap, isSeq, LineCounter, type Node, parseAllDocuments } from "yaml";
import { checkObject } from "../mesh-object.ts";
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
  const { object, sound, problems } = checkObject(value, context.check, locate(node, "", context));
  if (object && sound) return { object, problems: problems.map(at) };
  return { ...(object ? { key: objectKey(refOf(object)) } : {}), problems: problems.map(at) };
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

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}
