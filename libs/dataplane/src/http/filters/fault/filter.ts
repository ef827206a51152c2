import type { FilterStatus, HttpFilter, HttpStream, HttpStreamFilter } from "../../../runtime/http-filter.ts";
import type { RequestHead, RequestView } from "../../../runtime/request.ts";
import type { Counter, Gauge, StatsScope } from "../../../runtime/stats.ts";

/** A share of requests. */
export interface Fraction {
  readonly numerator: number;
  readonly denominator: number;
}

/** What is done to which requests. `header`: the request says what, in `x-envoy-fault-*` headers, up to the share. */
export interface FaultConfig {
  readonly delay?: { readonly ms: number | "header"; readonly share: Fraction };
  readonly abort?: {
    readonly status: { readonly http: number } | { readonly grpc: number } | "header";
    readonly share: Fraction;
  };
  /** Requests that are meant; absent: all. */
  readonly match?: (request: RequestView) => boolean;
  /** Requests for this cluster alone; empty: for any. */
  readonly upstreamCluster: string;
  /** Faults at one time. */
  readonly maxActive: number;
}

interface FaultStats {
  readonly delays: Counter;
  readonly aborts: Counter;
  readonly overflow: Counter;
  readonly active: Gauge;
}

/** Delays and aborts requests. https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/fault_filter */
export function createFaultFilter(name: string, config: FaultConfig, scope: StatsScope): HttpFilter {
  const stats: FaultStats = {
    delays: scope.counter("fault.delays_injected"),
    aborts: scope.counter("fault.aborts_injected"),
    overflow: scope.counter("fault.faults_overflow"),
    active: scope.gauge("fault.active_faults"),
  };
  const shared = { stats, active: 0 };
  return {
    name,
    open: (stream) => {
      const effective = (stream.filterConfig(name) as FaultConfig | undefined) ?? config; // made by our compileRoute
      if (effective.delay === undefined && effective.abort === undefined) return undefined;
      if (effective.match !== undefined && !effective.match(stream.request)) return undefined;
      return new FaultStream(stream, effective, shared);
    },
  };
}

class FaultStream implements HttpStreamFilter {
  readonly #stream: HttpStream;
  readonly #config: FaultConfig;
  readonly #shared: { readonly stats: FaultStats; active: number };
  #injected = false;
  #cancelDelay: (() => void) | undefined;

  constructor(
    stream: HttpStream,
    config: FaultConfig,
    shared: { readonly stats: FaultStats; active: number },
  ) {
    this.#stream = stream;
    this.#config = config;
    this.#shared = shared;
  }

  onRequest(head: RequestHead): FilterStatus {
    const { upstreamCluster } = this.#config;
    if (upstreamCluster !== "" && this.#stream.info.clusterChoice?.cluster !== upstreamCluster)
      return "continue";
    const delay = this.#delayMs(head);
    if (delay !== undefined && this.#inject()) {
      this.#shared.stats.delays.inc();
      this.#stream.info.flags.add("DI");
      this.#cancelDelay = this.#stream.clock.after(delay, () => {
        this.#cancelDelay = undefined;
        if (!this.#abort(head)) this.#stream.continueRequest();
      });
      return "stop";
    }
    return this.#abort(head) ? "stop" : "continue";
  }

  #delayMs({ headers }: RequestHead): number | undefined {
    const { delay } = this.#config;
    if (delay === undefined) return undefined;
    if (delay.ms !== "header") return this.#falls(delay.share) ? delay.ms : undefined;
    const asked = toNumber(headers.first("x-envoy-fault-delay-request"));
    const share = cap(headers.first("x-envoy-fault-delay-request-percentage"), delay.share);
    return asked !== undefined && this.#falls(share) ? asked : undefined;
  }

  #abort(head: RequestHead): boolean {
    const { abort } = this.#config;
    if (abort === undefined) return false;
    const status = this.#abortStatus(head, abort);
    if (status === undefined || !this.#inject()) return false;
    this.#shared.stats.aborts.inc();
    this.#stream.reply({
      status: "http" in status ? status.http : 200,
      body: "fault filter abort",
      flag: "FI",
      details: "fault_filter_abort",
      ...("grpc" in status && { grpcStatus: status.grpc }),
    });
    return true;
  }

  #abortStatus(
    { headers }: RequestHead,
    { status, share }: NonNullable<FaultConfig["abort"]>,
  ): { readonly http: number } | { readonly grpc: number } | undefined {
    if (status !== "header") return this.#falls(share) ? status : undefined;
    if (!this.#falls(cap(headers.first("x-envoy-fault-abort-request-percentage"), share))) return undefined;
    const http = toNumber(headers.first("x-envoy-fault-abort-request"));
    if (http !== undefined && http >= 200 && http < 600) return { http };
    const grpc = toNumber(headers.first("x-envoy-fault-abort-grpc-request"));
    return grpc === undefined ? undefined : { grpc };
  }

  #falls({ numerator, denominator }: Fraction): boolean {
    return numerator > 0 && this.#stream.random() * denominator < numerator;
  }

  /** Counts this stream among those with a fault, once; false where there are too many. */
  #inject(): boolean {
    if (this.#injected) return true;
    const { stats } = this.#shared;
    if (this.#shared.active >= this.#config.maxActive) {
      stats.overflow.inc();
      return false;
    }
    this.#injected = true;
    this.#shared.active++;
    stats.active.inc();
    return true;
  }

  onEnd(): void {
    this.#cancelDelay?.();
    if (!this.#injected) return;
    this.#shared.active--;
    this.#shared.stats.active.dec();
  }
}

function toNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** A request may ask for a smaller share than the configuration's, never for a larger. */
function cap(text: string | undefined, share: Fraction): Fraction {
  const asked = toNumber(text);
  return asked === undefined ? share : { ...share, numerator: Math.min(asked, share.numerator) };
}
