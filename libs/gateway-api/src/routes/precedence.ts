import type { HTTPMatchRequest, HTTPRoute, StringMatch } from "@weft/istio-api";

const kinds = ["regex", "prefix", "exact"] as const;

/** How much a match of the path says: its kind first, then its length. */
function weigh(uri: StringMatch | undefined): { readonly kind: number; readonly length: number } {
  const kind = uri ? kinds.findIndex((name) => uri[name] !== undefined) : -1;
  const name = kinds[kind];
  return { kind, length: (name && uri?.[name]?.length) ?? 0 };
}

function count(map: Readonly<Record<string, unknown>> | undefined): number {
  return Object.keys(map ?? {}).length;
}

function compareMatches(a: HTTPMatchRequest, b: HTTPMatchRequest): number {
  const [pathA, pathB] = [weigh(a.uri), weigh(b.uri)];
  return (
    pathB.kind - pathA.kind ||
    pathB.length - pathA.length ||
    Number(b.method !== undefined) - Number(a.method !== undefined) ||
    count(b.headers) - count(a.headers) ||
    count(b.queryParams) - count(a.queryParams)
  );
}

/**
 * The order in which routes are tried: exact paths, then prefixes, then regular expressions, each the longest first;
 * then those with a method, more headers, more query parameters; last those that match everything. Equals keep their
 * order. https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule
 */
export function compareHttpRoutes(a: HTTPRoute, b: HTTPRoute): number {
  const [matchA, matchB] = [a.match?.[0], b.match?.[0]];
  if (matchA && matchB) return compareMatches(matchA, matchB);
  return Number(matchA === undefined) - Number(matchB === undefined);
}
