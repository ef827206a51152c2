import { createLimiter, type Limiter, type LimiterConfig } from "../../../rate-limit/limiter.ts";
import type { TokenBucket } from "../../../rate-limit/token-bucket.ts";
import type { ConnectionInfo } from "../../../runtime/connection.ts";
import { HeaderMap } from "../../../runtime/headers.ts";
import type { FilterStatus, HttpFilter, HttpStream, HttpStreamFilter } from "../../../runtime/http-filter.ts";
import { describeRequest, type VirtualHostRules } from "../../../runtime/rate-limit.ts";
import type { RequestHead, ResponseHead } from "../../../runtime/request.ts";
import type { HeaderMutation } from "../../../runtime/route.ts";
import type { Counter, StatsScope } from "../../../runtime/stats.ts";
import { mutateHeaders } from "../../header-mutation.ts";

/** Limits of requests that this proxy keeps by itself. */
export interface LocalRateLimitConfig {
  readonly statPrefix: string;
  readonly status: number;
  readonly limits: LimiterConfig;
  /** Each downstream connection has buckets of its own. */
  readonly perConnection: boolean;
  /** Share of requests that are counted, 0 to 1. */
  readonly enabled: number;
  /** Share of those over the limit that are refused. */
  readonly enforced: number;
  readonly stage: number;
  readonly virtualHost: VirtualHostRules;
  /** Tells clients of the limit in `x-ratelimit-*` headers. */
  readonly informs: boolean;
  readonly grpcStatus: number;
  /** For requests over the limit that are let through. */
  readonly requestHeaders?: HeaderMutation;
  /** For requests that are refused. */
  readonly responseHeaders?: HeaderMutation;
}

interface LimitStats {
  readonly enabled: Counter;
  readonly ok: Counter;
  readonly limited: Counter;
  readonly enforced: Counter;
}

/** What a configuration comes to at run time; configurations of routes as they are first met. */
interface Active {
  readonly stats: LimitStats;
  limiterOf(connection: ConnectionInfo): Limiter;
}

/** Refuses requests over a limit. https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/local_rate_limit_filter */
export function createLocalRateLimitFilter(
  name: string,
  config: LocalRateLimitConfig,
  options: { readonly stats: StatsScope; readonly serviceCluster: string },
): HttpFilter {
  const known = new WeakMap<LocalRateLimitConfig, Active>();
  const activeOf = (one: LocalRateLimitConfig): Active => {
    let active = known.get(one);
    if (active === undefined) {
      active = activate(one, options.stats);
      known.set(one, active);
    }
    return active;
  };
  activeOf(config);
  return {
    name,
    open: (stream) => {
      const effective = (stream.filterConfig(name) as LocalRateLimitConfig | undefined) ?? config; // made by our compileRoute
      if (effective.enabled === 0 || stream.random() >= effective.enabled) return undefined;
      return new LocalRateLimitStream(stream, effective, activeOf(effective), options.serviceCluster);
    },
  };
}

function activate(config: LocalRateLimitConfig, stats: StatsScope): Active {
  const scope = stats.scope(`${config.statPrefix}.http_local_rate_limit`);
  const shared = createLimiter(config.limits);
  const ofConnections = new WeakMap<ConnectionInfo, Limiter>();
  return {
    stats: {
      enabled: scope.counter("enabled"),
      ok: scope.counter("ok"),
      limited: scope.counter("rate_limited"),
      enforced: scope.counter("enforced"),
    },
    limiterOf: (connection) => {
      if (!config.perConnection) return shared;
      let own = ofConnections.get(connection);
      if (own === undefined) {
        own = createLimiter(config.limits);
        ofConnections.set(connection, own);
      }
      return own;
    },
  };
}

class LocalRateLimitStream implements HttpStreamFilter {
  readonly #stream: HttpStream;
  readonly #config: LocalRateLimitConfig;
  readonly #active: Active;
  readonly #serviceCluster: string;
  #bucket: TokenBucket | undefined;

  constructor(stream: HttpStream, config: LocalRateLimitConfig, active: Active, serviceCluster: string) {
    this.#stream = stream;
    this.#config = config;
    this.#active = active;
    this.#serviceCluster = serviceCluster;
  }

  onRequest(head: RequestHead): FilterStatus {
    const { info, route, clock, random } = this.#stream;
    const { stats } = this.#active;
    const config = this.#config;
    stats.enabled.inc();
    const descriptors =
      config.limits.descriptors.length === 0
        ? []
        : describeRequest(
            route?.rateLimits,
            { stage: config.stage, virtualHost: config.virtualHost, serviceCluster: this.#serviceCluster },
            head,
            info,
          );
    const { allowed, bucket } = this.#active.limiterOf(info.connection).take(clock.monotonic(), descriptors);
    this.#bucket = bucket;
    if (allowed) {
      stats.ok.inc();
      return "continue";
    }
    stats.limited.inc();
    if (random() >= config.enforced) {
      if (config.requestHeaders !== undefined) mutateHeaders(head.headers, [config.requestHeaders], info);
      return "continue";
    }
    stats.enforced.inc();
    this.#refuse();
    return "stop";
  }

  #refuse(): void {
    const { info } = this.#stream;
    const { status, grpcStatus, responseHeaders } = this.#config;
    const headers = new HeaderMap();
    if (responseHeaders !== undefined) mutateHeaders(headers, [responseHeaders], info);
    this.#stream.reply({
      status,
      body: "local_rate_limited",
      flag: "RL",
      details: "local_rate_limited",
      grpcStatus,
      headers: headers.list,
    });
  }

  onResponse({ headers }: ResponseHead): FilterStatus {
    const bucket = this.#bucket;
    if (!this.#config.informs || bucket === undefined) return "continue";
    const now = this.#stream.clock.monotonic();
    const remaining = bucket.remaining(now);
    headers.append("x-ratelimit-limit", String(bucket.config.maxTokens));
    headers.append("x-ratelimit-remaining", String(remaining));
    headers.append(
      "x-ratelimit-reset",
      String(remaining > 0 ? 0 : Math.ceil(bucket.nextTokenMs(now) / 1000)),
    );
    return "continue";
  }
}
