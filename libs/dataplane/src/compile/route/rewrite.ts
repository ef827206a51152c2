import type { Route as RouteMessage } from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import type { RegexMatchAndSubstitute } from "@weft/envoy-api/envoy/type/matcher/v3/regex_pb.js";
import { compileRegexRewrite, stripQuery } from "@weft/matching";

/** New path from the old, query and all. */
export type PathRewrite = (path: string) => string;

/**
 * Replaces what the route's match took of the path by a prefix; the query stays. A regex match is replaced as a whole.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#envoy-v3-api-field-config-route-v3-routeaction-prefix-rewrite
 */
export function compilePrefixRewrite(prefix: string, match: RouteMessage["match"]): PathRewrite {
  const specifier = match?.pathSpecifier;
  switch (specifier?.case) {
    case "prefix":
    case "path": {
      const { length } = specifier.value;
      return (path) => prefix + path.slice(length);
    }
    case "pathSeparatedPrefix": {
      const { length } = specifier.value;
      // `/api` → `/`: the slash that follows in the path is not doubled.
      return (path) => {
        const rest = path.slice(length);
        return prefix.endsWith("/") && rest.startsWith("/") ? prefix + rest.slice(1) : prefix + rest;
      };
    }
    default:
      return (path) => prefix + path.slice(stripQuery(path).length);
  }
}

/** Rewrites the path by a regex; the query stays. Throws MatcherError. */
export function compilePathRegexRewrite(rewrite: RegexMatchAndSubstitute): PathRewrite {
  const apply = compileRegexRewrite(rewrite.pattern?.regex ?? "", rewrite.substitution);
  return (path) => {
    const bare = stripQuery(path);
    return apply(bare) + path.slice(bare.length);
  };
}
