import type { HeaderOperations } from "@weft/istio-api";
import type { HeaderChanges, HeaderValue } from "../ir/index.ts";

/** Header operations, with a new Host taken out: Envoy changes it by rewriting, not as a header. */
export interface BuiltHeaders {
  readonly changes?: HeaderChanges;
  readonly host?: string;
}

const isHost = (name: string) => [":authority", "host"].includes(name.toLowerCase());

function values(map: Readonly<Record<string, string>> | undefined): HeaderValue[] {
  return Object.entries(map ?? {})
    .map(([name, value]) => ({ name, value }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Changes to the headers of requests or of responses; absent where there are none. */
export function buildHeaders(operations: HeaderOperations | undefined): BuiltHeaders {
  if (operations === undefined) return {};
  const set = values(operations.set);
  const add = values(operations.add);
  const host = [...set, ...add].find(({ name }) => isHost(name))?.value;
  const changes = {
    set: set.filter(({ name }) => !isHost(name)),
    add: add.filter(({ name }) => !isHost(name)),
    remove: [...(operations.remove ?? [])],
  };
  const empty = changes.set.length + changes.add.length + changes.remove.length === 0;
  return { ...(empty ? {} : { changes }), ...(host === undefined ? {} : { host }) };
}

/** Both sets of changes, the first one's first; undefined where there is neither. */
export function joinHeaders(
  first: HeaderChanges | undefined,
  second: HeaderChanges | undefined,
): HeaderChanges | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return {
    set: [...first.set, ...second.set],
    add: [...first.add, ...second.add],
    remove: [...first.remove, ...second.remove],
  };
}
