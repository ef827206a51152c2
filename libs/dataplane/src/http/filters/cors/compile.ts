import type { Message } from "@bufbuild/protobuf";
import type { CorsPolicy } from "@weft/envoy-api/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { compileString } from "@weft/matching";
import type { HttpFilterFactory } from "../../../compile/environment.ts";
import type { Problems } from "../../../compile/problems.ts";
import { decodeFraction, decodeStringMatcher } from "../../../compile/route/matchers.ts";
import { type CorsConfig, createCorsFilter } from "./filter.ts";

/** `envoy.filters.http.cors`; the filter itself has no settings. */
export const cors: HttpFilterFactory = {
  name: "envoy.filters.http.cors",
  configTypes: ["envoy.extensions.filters.http.cors.v3.Cors"],
  routeConfigTypes: ["envoy.extensions.filters.http.cors.v3.CorsPolicy"],
  compile: (_config, { name, stats }) => createCorsFilter(name, stats),
  compileRoute: compilePolicy,
};

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/http/cors/v3/cors.proto */
function compilePolicy(message: Message, path: string, problems: Problems): CorsConfig {
  const policy = message as CorsPolicy; // the registry goes by its type name
  if (policy.shadowEnabled !== undefined)
    problems.warning(`${path}.shadow_enabled`, "without-effect", "has no effect: there is no shadow mode");
  const origins = policy.allowOriginStringMatch.map((matcher, i) => {
    const at = `${path}.allow_origin_string_match[${i}]`;
    // As in Envoy an exact `*` stands for any origin.
    if (matcher.matchPattern.case === "exact" && matcher.matchPattern.value === "*") return () => true;
    return compileString(decodeStringMatcher(matcher, at, problems));
  });
  const share = policy.filterEnabled?.defaultValue;
  const { numerator, denominator } = decodeFraction(share);
  return {
    allowOrigin: (origin) => origins.some((matches) => matches(origin)),
    allowMethods: policy.allowMethods,
    allowHeaders: policy.allowHeaders,
    exposeHeaders: policy.exposeHeaders,
    maxAge: policy.maxAge,
    allowCredentials: policy.allowCredentials ?? false,
    allowPrivateNetworkAccess: policy.allowPrivateNetworkAccess ?? false,
    forwardNotMatchingPreflights: policy.forwardNotMatchingPreflights ?? true,
    enabled: share === undefined ? 1 : numerator / denominator,
  };
}
