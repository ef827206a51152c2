import type { Message } from "@bufbuild/protobuf";
import type { RuntimeFractionalPercent } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import type { CsrfPolicy } from "@weft/envoy-api/envoy/extensions/filters/http/csrf/v3/csrf_pb.js";
import { compileString } from "@weft/matching";
import type { HttpFilterFactory } from "../../../compile/environment.ts";
import type { Problems } from "../../../compile/problems.ts";
import { decodeFraction, decodeStringMatcher } from "../../../compile/route/matchers.ts";
import { type CsrfConfig, createCsrfFilter } from "./filter.ts";

const type = "envoy.extensions.filters.http.csrf.v3.CsrfPolicy";

/** `envoy.filters.http.csrf`; a route's policy replaces the filter's as a whole. */
export const csrf: HttpFilterFactory = {
  name: "envoy.filters.http.csrf",
  configTypes: [type],
  routeConfigTypes: [type],
  compile: (config, { name, path, problems, stats }) =>
    createCsrfFilter(name, compilePolicy(config, path, problems), stats),
  compileRoute: compilePolicy,
};

function compilePolicy(message: Message, path: string, problems: Problems): CsrfConfig {
  const policy = message as CsrfPolicy; // the registry goes by its type name
  const origins = policy.additionalOrigins.map((matcher, i) =>
    compileString(decodeStringMatcher(matcher, `${path}.additional_origins[${i}]`, problems)),
  );
  return {
    allows: (origin) => origins.some((matches) => matches(origin)),
    enforced: shareOf(policy.filterEnabled),
    shadowed: shareOf(policy.shadowEnabled),
  };
}

function shareOf(message: RuntimeFractionalPercent | undefined): number {
  if (message === undefined) return 0;
  // Without a default value Envoy takes all requests.
  if (message.defaultValue === undefined) return 1;
  const { numerator, denominator } = decodeFraction(message.defaultValue);
  return numerator / denominator;
}
