import type { Any } from "@bufbuild/protobuf/wkt";
import type { Route } from "../../ir/index.ts";
import { corsPerRoute } from "./cors.ts";
import { faultPerRoute } from "./fault.ts";

/** What a filter is told for one route. */
export interface PerRouteRule {
  /** Name of the filter, as in the filter chain. */
  readonly filter: string;
  /** The filter's configuration for the route; undefined where the route says nothing of it. */
  build(route: Route): Any | undefined;
}

/** Filters that take configuration from routes, by name so that the encoding is stable. */
const rules: readonly PerRouteRule[] = [corsPerRoute, faultPerRoute];

/** `typed_per_filter_config` of a route. */
export function perRouteConfigs(route: Route): { [filter: string]: Any } {
  const configs: { [filter: string]: Any } = {};
  for (const rule of rules) {
    const config = rule.build(route);
    if (config !== undefined) configs[rule.filter] = config;
  }
  return configs;
}
