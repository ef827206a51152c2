import type { HTTPMatchRequest, StringMatch as IstioStringMatch } from "@weft/istio-api";
import type { HeaderMatch, PathMatch, QueryMatch, Route, RouteMatch, StringMatch } from "../ir/index.ts";
import { claimHolds, parseRoutedClaim } from "../security/claims.ts";
import { anyText } from "../security/patterns.ts";
import { prefixMatch, type RouteSemantics } from "./semantics.ts";

/** The match of every request. */
export const matchAll: RouteMatch = {
  path: { kind: "prefix", value: "/" },
  headers: [],
  queryParameters: [],
};

type Presence = { readonly kind: "present" };

/** An empty match, or the regular expression `*`, takes any value. */
function toValue(match: IstioStringMatch | undefined): StringMatch | Presence {
  if (match?.exact !== undefined) return { kind: "exact", value: match.exact };
  if (match?.prefix !== undefined)
    return match.prefix === "" ? { kind: "present" } : { kind: "prefix", value: match.prefix };
  if (match?.regex !== undefined && match.regex !== "*") return { kind: "regex", value: match.regex };
  return { kind: "present" };
}

function toPath(uri: IstioStringMatch | undefined, semantics: RouteSemantics): PathMatch {
  if (uri?.exact !== undefined) return { kind: "exact", value: uri.exact };
  if (uri?.regex !== undefined) return { kind: "regex", value: uri.regex };
  return prefixMatch(uri?.prefix ?? "/", semantics);
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function toHeaders(headers: HTTPMatchRequest["headers"], invert: boolean): HeaderMatch[] {
  return Object.entries(headers ?? {}).flatMap(([name, match]) =>
    parseRoutedClaim(name) ? [] : [{ name, value: toValue(match), invert }],
  );
}

/** The names among header matches that stand for claims. */
function toClaims(
  headers: HTTPMatchRequest["headers"],
  invert: boolean,
): Extract<RouteMatch["claims"], object>[number][] {
  return Object.entries(headers ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, match]) => {
      const claim = parseRoutedClaim(name);
      if (claim === undefined) return [];
      const value = toValue(match);
      const text = { kind: "string", match: value.kind === "present" ? anyText : value } as const;
      return [{ match: claimHolds(claim, text), invert }];
    });
}

/** What a VirtualService's match asks of the request itself; the rest (gateways, source, port) is decided before. */
export function buildMatch(match: HTTPMatchRequest, semantics: RouteSemantics = "istio"): RouteMatch {
  const pseudo: readonly (readonly [string, IstioStringMatch | undefined])[] = [
    [":method", match.method],
    [":authority", match.authority],
    [":scheme", match.scheme],
  ];
  const headers: HeaderMatch[] = [
    ...[...toHeaders(match.headers, false), ...toHeaders(match.withoutHeaders, true)].sort(byName),
    ...pseudo.flatMap(([name, value]) => (value ? [{ name, value: toValue(value), invert: false }] : [])),
  ];
  const queryParameters: QueryMatch[] = Object.entries(match.queryParams ?? {})
    .map(([name, value]) => ({ name, value: toValue(value) }))
    .sort(byName);
  const claims = [...toClaims(match.headers, false), ...toClaims(match.withoutHeaders, true)];
  return {
    path: toPath(match.uri, semantics),
    caseSensitive: match.ignoreUriCase !== true,
    headers,
    queryParameters,
    ...(claims.length === 0 ? {} : { claims }),
  };
}

/** Whether every request matches, so that routes after this one are never reached. */
export function isCatchAll({ match }: Route): boolean {
  const { path, headers, queryParameters, claims } = match;
  const anyPath = path.kind === "regex" ? path.value === "*" : path.kind !== "exact" && path.value === "/";
  return anyPath && headers.length === 0 && queryParameters.length === 0 && claims === undefined;
}
