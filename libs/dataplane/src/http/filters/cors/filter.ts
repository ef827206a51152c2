import type { FilterStatus, HttpFilter, HttpStream, HttpStreamFilter } from "../../../runtime/http-filter.ts";
import type { RequestHead, ResponseHead } from "../../../runtime/request.ts";
import type { Counter, StatsScope } from "../../../runtime/stats.ts";

/** What other origins may do. Texts are header values; empty ones are not sent. */
export interface CorsConfig {
  readonly allowOrigin: (origin: string) => boolean;
  readonly allowMethods: string;
  readonly allowHeaders: string;
  readonly exposeHeaders: string;
  /** Seconds. */
  readonly maxAge: string;
  readonly allowCredentials: boolean;
  readonly allowPrivateNetworkAccess: boolean;
  /** Passes preflights of origins that are not allowed on to the upstream; else they are answered without leave. */
  readonly forwardNotMatchingPreflights: boolean;
  /** Share of requests, 0 to 1. */
  readonly enabled: number;
}

/** Cross-origin resource sharing; what is allowed is in the routes. https://fetch.spec.whatwg.org/#http-cors-protocol */
export function createCorsFilter(name: string, scope: StatsScope): HttpFilter {
  const valid = scope.counter("cors.origin_valid");
  const invalid = scope.counter("cors.origin_invalid");
  return {
    name,
    open: (stream) => {
      const origin = stream.request.headers.first("origin");
      if (origin === undefined) return undefined;
      const config = stream.filterConfig(name) as CorsConfig | undefined; // made by our compileRoute
      if (config === undefined || stream.random() >= config.enabled) return undefined;
      return new CorsStream(stream, config, origin, { valid, invalid });
    },
  };
}

class CorsStream implements HttpStreamFilter {
  readonly #stream: HttpStream;
  readonly #config: CorsConfig;
  readonly #origin: string;
  readonly #stats: { readonly valid: Counter; readonly invalid: Counter };
  #allowed = false;

  constructor(
    stream: HttpStream,
    config: CorsConfig,
    origin: string,
    stats: { readonly valid: Counter; readonly invalid: Counter },
  ) {
    this.#stream = stream;
    this.#config = config;
    this.#origin = origin;
    this.#stats = stats;
  }

  onRequest(head: RequestHead): FilterStatus {
    const preflight = head.method === "OPTIONS" && head.headers.has("access-control-request-method");
    this.#allowed = this.#config.allowOrigin(this.#origin);
    if (!this.#allowed) {
      this.#stats.invalid.inc();
      if (!preflight || this.#config.forwardNotMatchingPreflights) return "continue";
      this.#stream.reply({ status: 200, details: "cors_response" });
      return "stop";
    }
    this.#stats.valid.inc();
    if (!preflight) return "continue";
    this.#stream.reply({ status: 200, headers: this.#preflightHeaders(head), details: "cors_response" });
    return "stop";
  }

  #preflightHeaders({ headers }: RequestHead): string[] {
    const { allowMethods, allowHeaders, maxAge, allowPrivateNetworkAccess } = this.#config;
    const list: string[] = [];
    if (allowMethods !== "") list.push("access-control-allow-methods", allowMethods);
    if (allowHeaders !== "") list.push("access-control-allow-headers", allowHeaders);
    if (maxAge !== "") list.push("access-control-max-age", maxAge);
    if (allowPrivateNetworkAccess && headers.first("access-control-request-private-network") === "true")
      list.push("access-control-allow-private-network", "true");
    return list;
  }

  onResponse({ headers }: ResponseHead): FilterStatus {
    if (!this.#allowed) return "continue";
    const { allowCredentials, exposeHeaders } = this.#config;
    headers.set("access-control-allow-origin", this.#origin);
    if (allowCredentials) headers.set("access-control-allow-credentials", "true");
    if (exposeHeaders !== "") headers.set("access-control-expose-headers", exposeHeaders);
    return "continue";
  }
}
