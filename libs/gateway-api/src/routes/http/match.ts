import type { HTTPMatchRequest, HTTPRouteMatch, StringMatch } from "@weft/istio-api";

type Named = NonNullable<HTTPRouteMatch["headers"]>;

/** Matches of headers or query parameters by name; of two for one name the first counts, as the API says. */
export function toNamedMatches(
  matches: Named | undefined,
): Readonly<Record<string, StringMatch>> | undefined {
  if (matches === undefined || matches.length === 0) return undefined;
  const result: Record<string, StringMatch> = {};
  for (const { type = "Exact", name, value } of matches)
    result[name] ??= type === "Exact" ? { exact: value } : { regex: value };
  return result;
}

/** A prefix is one of whole segments: with `route-semantics: gateway`, translation ends it at a `/`. */
function toUri(path: HTTPRouteMatch["path"]): StringMatch | undefined {
  if (path?.value === undefined) return undefined;
  switch (path.type ?? "PathPrefix") {
    case "Exact":
      return { exact: path.value };
    case "RegularExpression":
      return { regex: path.value };
    case "PathPrefix":
      return { prefix: path.value === "/" ? "/" : path.value.replace(/\/$/, "") };
  }
}

/** A match of an HTTPRoute: https://gateway-api.sigs.k8s.io/reference/spec/#httproutematch */
export function toHttpMatch({ path, headers, queryParams, method }: HTTPRouteMatch): HTTPMatchRequest {
  const uri = toUri(path);
  const byHeaders = toNamedMatches(headers);
  const byQuery = toNamedMatches(queryParams);
  return {
    ...(uri ? { uri } : {}),
    ...(byHeaders ? { headers: byHeaders } : {}),
    ...(byQuery ? { queryParams: byQuery } : {}),
    ...(method === undefined ? {} : { method: { exact: method } }),
  };
}
