import { CorsPolicySchema } from "@weft/envoy-api/envoy/extensions/filters/http/cors/v3/cors_pb.js";
import { pack } from "../../envoy/any.ts";
import { defined } from "../../envoy/scalars.ts";
import { toStringMatcher } from "../../envoy/string-match.ts";
import type { PerRouteRule } from "./index.ts";

/** Cross-origin policy of a route. */
export const corsPerRoute: PerRouteRule = {
  filter: "envoy.filters.http.cors",
  build: ({ cors }) =>
    cors &&
    pack(CorsPolicySchema, {
      allowOriginStringMatch: cors.allowOrigins.map(toStringMatcher),
      allowMethods: cors.allowMethods.join(","),
      allowHeaders: cors.allowHeaders.join(","),
      exposeHeaders: cors.exposeHeaders.join(","),
      maxAge: cors.maxAgeSeconds === undefined ? "" : String(cors.maxAgeSeconds),
      ...defined({
        allowCredentials: cors.allowCredentials,
        forwardNotMatchingPreflights: cors.forwardUnmatchedPreflights,
      }),
      filterEnabled: { defaultValue: { numerator: 100 } },
    }),
};
