import type { RequestView } from "./request.ts";
import type { StreamInfo } from "./stream-info.ts";

/** One property of a request that limits are told apart by. */
export interface DescriptorEntry {
  readonly key: string;
  readonly value: string;
}

/** What a request counts as, in the order its route's actions say. */
export type RateLimitDescriptor = readonly DescriptorEntry[];

/** One `rate_limits` entry of a route or virtual host, compiled. */
export interface RateLimitRule {
  /** Filters heed the rules of their own stage. */
  readonly stage: number;
  /** Undefined where the request lacks something that the descriptor is made of: then it does not count. */
  describe(request: RequestView, info: StreamInfo, serviceCluster: string): RateLimitDescriptor | undefined;
}

/** The rules of a route. */
export interface RateLimitRules {
  readonly route: readonly RateLimitRule[];
  readonly virtualHost: readonly RateLimitRule[];
  /** The virtual host's count beside the route's own, whatever the filter says. */
  readonly includeVirtualHost: boolean;
}

/** Whether rules of the virtual host count where the route has its own. */
export type VirtualHostRules = "override" | "include" | "ignore";

/** What a request counts as by its route's rules. */
export function describeRequest(
  rules: RateLimitRules | undefined,
  options: {
    readonly stage: number;
    readonly virtualHost: VirtualHostRules;
    readonly serviceCluster: string;
  },
  request: RequestView,
  info: StreamInfo,
): RateLimitDescriptor[] {
  if (rules === undefined) return [];
  const { stage, serviceCluster } = options;
  const mode = rules.includeVirtualHost ? "include" : options.virtualHost;
  const withHost = mode === "include" || (mode === "override" && rules.route.length === 0);
  return [...rules.route, ...(withHost ? rules.virtualHost : [])]
    .filter((rule) => rule.stage === stage)
    .flatMap((rule) => {
      const entries = rule.describe(request, info, serviceCluster);
      return entries === undefined || entries.length === 0 ? [] : [entries];
    });
}
