import { isDeepStrictEqual } from "node:util";

/** One step of a patch. https://www.rfc-editor.org/rfc/rfc6902 */
export type PatchOperation =
  | { readonly op: "add" | "replace"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string };

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * The steps that make `to` of `from`: objects are compared field by field, anything else, lists too, is replaced as a
 * whole. Fields that are undefined count as absent, as in JSON.
 */
export function diffJson(from: unknown, to: unknown, path = ""): readonly PatchOperation[] {
  if (isDeepStrictEqual(from, to)) return [];
  if (!isObject(from) || !isObject(to)) return [{ op: "replace", path, value: to }];
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort();
  return names.flatMap((name): readonly PatchOperation[] => {
    const [before, after] = [own(from, name), own(to, name)];
    const at = `${path}/${escapePointer(name)}`;
    if (after === undefined) return before === undefined ? [] : [{ op: "remove", path: at }];
    return before === undefined ? [{ op: "add", path: at, value: after }] : diffJson(before, after, at);
  });
}

/** A field of the object itself: `__proto__` is a name as any other in JSON. */
function own(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** https://www.rfc-editor.org/rfc/rfc6901#section-3 */
function escapePointer(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
