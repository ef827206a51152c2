import { create } from "@bufbuild/protobuf";
import {
  RateLimitRequestSchema,
  type RateLimitResponse,
  RateLimitResponse_Code,
  RateLimitResponseSchema,
  RateLimitResponse_RateLimit_Unit as Unit,
} from "@weft/envoy-api/envoy/service/ratelimit/v3/rls_pb.js";
import { callUnary, type GrpcTarget } from "../../../grpc/unary.ts";
import type { ClusterSet } from "../../../runtime/cluster.ts";
import { HeaderMap } from "../../../runtime/headers.ts";
import type { FilterStatus, HttpFilter, HttpStream, HttpStreamFilter } from "../../../runtime/http-filter.ts";
import {
  describeRequest,
  type RateLimitDescriptor,
  type VirtualHostRules,
} from "../../../runtime/rate-limit.ts";
import type { RequestHead, ResponseHead } from "../../../runtime/request.ts";
import type { HeaderMutation } from "../../../runtime/route.ts";
import { mutateHeaders } from "../../header-mutation.ts";

/** What a route changes. */
export interface RateLimitRoute {
  /** Empty: the filter's. */
  readonly domain: string;
  readonly virtualHost: VirtualHostRules;
}

/** Limits that a service keeps. */
export interface RateLimitConfig {
  readonly name: string;
  readonly service: GrpcTarget;
  readonly domain: string;
  readonly stage: number;
  /** Requests of the mesh alone (`x-envoy-internal`), of others alone, or both. */
  readonly requestType: "internal" | "external" | "both";
  /** Without an answer requests are refused; else they pass. */
  readonly failureModeDeny: boolean;
  readonly limitedStatus: number;
  readonly errorStatus: number;
  readonly grpcStatus: number;
  /** Tells clients of the limit in `x-ratelimit-*` headers. */
  readonly informs: boolean;
  /** Marks answers by `x-envoy-ratelimited`. */
  readonly marks: boolean;
  /** What the requested cluster's statistics are counted under. */
  readonly statPrefix: string;
  readonly serviceCluster: string;
  readonly clusters: ClusterSet;
  readonly responseHeaders?: HeaderMutation;
}

const method = {
  path: "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit",
  input: RateLimitRequestSchema,
  output: RateLimitResponseSchema,
} as const;

/** Asks a service whether requests are within their limits. https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/rate_limit_filter */
export function createRateLimitFilter(config: RateLimitConfig): HttpFilter {
  const { name, requestType, stage, serviceCluster } = config;
  return {
    name,
    open: (stream) => {
      const { route, request, info } = stream;
      if (route?.rateLimits === undefined) return undefined;
      const isInternal = request.headers.first("x-envoy-internal") === "true";
      if (requestType !== "both" && (requestType === "internal") !== isInternal) return undefined;
      const own = stream.filterConfig(name) as RateLimitRoute | undefined; // made by our compileRoute
      const virtualHost = own?.virtualHost ?? "override";
      const descriptors = describeRequest(
        route.rateLimits,
        { stage, virtualHost, serviceCluster },
        request,
        info,
      );
      if (descriptors.length === 0) return undefined;
      return new RateLimitStream(stream, config, own?.domain || config.domain, descriptors);
    },
  };
}

class RateLimitStream implements HttpStreamFilter {
  readonly #stream: HttpStream;
  readonly #config: RateLimitConfig;
  readonly #domain: string;
  readonly #descriptors: readonly RateLimitDescriptor[];
  #cancel: (() => void) | undefined;
  #answer: RateLimitResponse | undefined;

  constructor(
    stream: HttpStream,
    config: RateLimitConfig,
    domain: string,
    descriptors: readonly RateLimitDescriptor[],
  ) {
    this.#stream = stream;
    this.#config = config;
    this.#domain = domain;
    this.#descriptors = descriptors;
  }

  onRequest(head: RequestHead): FilterStatus {
    const request = create(RateLimitRequestSchema, {
      domain: this.#domain,
      descriptors: this.#descriptors.map((entries) => ({
        entries: entries.map(({ key, value }) => ({ key, value })),
      })),
    });
    this.#cancel = callUnary(this.#config.service, method, request, (answer) => {
      this.#cancel = undefined;
      try {
        this.#decide(answer, head);
      } catch (error) {
        this.#stream.fail(error);
      }
    });
    return "stop";
  }

  #count(what: string): void {
    const { clusters, statPrefix } = this.#config;
    const cluster = clusters.get(this.#stream.info.clusterChoice?.cluster ?? "");
    cluster?.stats.counter(`${statPrefix}.${what}`).inc();
  }

  #decide(answer: RateLimitResponse | undefined, head: RequestHead): void {
    this.#answer = answer;
    switch (answer?.overallCode) {
      case RateLimitResponse_Code.OK:
        this.#count("ok");
        for (const { key, value } of answer.requestHeadersToAdd)
          head.headers.append(key.toLowerCase(), value);
        this.#stream.continueRequest();
        return;
      case RateLimitResponse_Code.OVER_LIMIT:
        this.#count("over_limit");
        this.#refuse(answer);
        return;
      default:
        this.#count("error");
        this.#goOnWithout();
    }
  }

  #goOnWithout(): void {
    const { failureModeDeny, errorStatus } = this.#config;
    if (!failureModeDeny) {
      this.#count("failure_mode_allowed");
      this.#stream.continueRequest();
      return;
    }
    this.#stream.reply({ status: errorStatus, flag: "RLSE", details: "rate_limiter_error" });
  }

  #refuse({ rawBody }: RateLimitResponse): void {
    const { limitedStatus, grpcStatus, marks, responseHeaders } = this.#config;
    const headers = new HeaderMap();
    if (marks) headers.append("x-envoy-ratelimited", "true");
    if (responseHeaders !== undefined) mutateHeaders(headers, [responseHeaders], this.#stream.info);
    this.#stream.reply({
      status: limitedStatus,
      body: rawBody,
      flag: "RL",
      details: "request_rate_limited",
      grpcStatus,
      headers: headers.list,
    });
  }

  onResponse({ headers }: ResponseHead): FilterStatus {
    const answer = this.#answer;
    if (answer === undefined) return "continue";
    for (const { key, value } of answer.responseHeadersToAdd) headers.append(key.toLowerCase(), value);
    if (this.#config.informs) inform(headers, answer);
    return "continue";
  }

  onEnd(): void {
    this.#cancel?.();
  }
}

const seconds: Readonly<Record<number, number>> = {
  [Unit.SECOND]: 1,
  [Unit.MINUTE]: 60,
  [Unit.HOUR]: 3600,
  [Unit.DAY]: 86_400,
  [Unit.MONTH]: 2_592_000,
  [Unit.YEAR]: 31_536_000,
};

/** The limit that leaves least, then all limits with their windows. https://datatracker.ietf.org/doc/draft-polli-ratelimit-headers/03/ */
function inform(headers: HeaderMap, { statuses }: RateLimitResponse): void {
  const limited = statuses.filter(({ currentLimit }) => currentLimit !== undefined);
  const least = limited.reduce<(typeof limited)[number] | undefined>(
    (best, status) => (best === undefined || status.limitRemaining < best.limitRemaining ? status : best),
    undefined,
  );
  if (least?.currentLimit === undefined) return;
  const windows = limited.map(({ currentLimit }) => {
    const { requestsPerUnit = 0, unit = Unit.UNKNOWN, name = "" } = currentLimit ?? {};
    return `, ${requestsPerUnit};w=${seconds[unit] ?? 0}${name === "" ? "" : `;name="${name}"`}`;
  });
  headers.append("x-ratelimit-limit", `${least.currentLimit.requestsPerUnit}${windows.join("")}`);
  headers.append("x-ratelimit-remaining", String(least.limitRemaining));
  headers.append("x-ratelimit-reset", String(least.durationUntilReset?.seconds ?? 0n));
}
