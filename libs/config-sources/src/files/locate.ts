import type { SourcePosition } from "@weft/base";
import { isMap, isScalar, isSeq, type LineCounter, type Node, type Pair } from "yaml";

/** Parts of a problem's path: `spec.http[0].labels[a.b/c]` → `spec`, `http`, `0`, `labels`, `a.b/c`. */
export function splitPath(path: string): readonly string[] {
  return [...path.matchAll(/\[([^\]]*)\]|([^.[\]]+)/g)].map(([, bracket, name]) => bracket ?? name ?? "");
}

/**
 * Where in a YAML text a path of an object stands: the line of its key (or list item); where the path leads to
 * nothing, of the last part that is there.
 */
export function locate(
  root: Node | null,
  path: string,
  where: { readonly file: string; readonly lines: LineCounter },
): SourcePosition {
  let node: Node | null = root;
  let offset = root?.range?.[0] ?? 0;
  for (const part of splitPath(path)) {
    const step = descend(node, part);
    if (step === undefined) break;
    ({ node, offset } = step);
  }
  const { line, col } = where.lines.linePos(offset);
  return { file: where.file, line: Math.max(1, line), column: Math.max(1, col) };
}

function descend(
  node: Node | null,
  part: string,
): { readonly node: Node | null; readonly offset: number } | undefined {
  if (isMap(node)) {
    const pair = node.items.find((item: Pair) => isScalar(item.key) && String(item.key.value) === part);
    if (pair === undefined || !isScalar(pair.key)) return undefined;
    return { node: pair.value as Node | null, offset: pair.key.range?.[0] ?? 0 }; // Parsed documents hold nodes.
  }
  if (isSeq(node)) {
    const item = node.items[Number(part)] as Node | undefined; // Parsed documents hold nodes.
    return item?.range ? { node: item, offset: item.range[0] } : undefined;
  }
  return undefined;
}
