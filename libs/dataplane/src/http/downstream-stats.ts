import type { Counter, Gauge, Histogram, StatsScope } from "../runtime/stats.ts";
import type { StreamInfo } from "../runtime/stream-info.ts";

/** The connection manager's counters, looked up once. https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/stats */
export class DownstreamStats {
  readonly connections: Counter;
  readonly activeConnections: Gauge;
  readonly destroyed: Counter;
  readonly protocolErrors: Counter;
  readonly requests: Counter;
  readonly http1Requests: Counter;
  readonly http2Requests: Counter;
  readonly activeRequests: Gauge;
  readonly resetReceived: Counter;
  readonly idleTimeout: Counter;
  readonly connectionIdleTimeout: Counter;
  readonly drainClose: Counter;
  readonly #scope: StatsScope;
  readonly #completed: Counter;
  readonly #duration: Histogram;
  /** By the hundreds of the status. */
  readonly #classes: readonly (Counter | undefined)[];

  constructor(scope: StatsScope) {
    this.connections = scope.counter("downstream_cx_total");
    this.activeConnections = scope.gauge("downstream_cx_active");
    this.destroyed = scope.counter("downstream_cx_destroy");
    this.protocolErrors = scope.counter("downstream_cx_protocol_error");
    this.requests = scope.counter("downstream_rq_total");
    this.http1Requests = scope.counter("downstream_rq_http1_total");
    this.http2Requests = scope.counter("downstream_rq_http2_total");
    this.activeRequests = scope.gauge("downstream_rq_active");
    this.resetReceived = scope.counter("downstream_rq_rx_reset");
    this.idleTimeout = scope.counter("downstream_rq_idle_timeout");
    this.connectionIdleTimeout = scope.counter("downstream_cx_idle_timeout");
    this.drainClose = scope.counter("downstream_cx_drain_close");
    this.#scope = scope;
    this.#completed = scope.counter("downstream_rq_completed");
    this.#duration = scope.histogram("downstream_rq_time");
    this.#classes = [0, 1, 2, 3, 4, 5].map((hundreds) =>
      hundreds === 0 ? undefined : scope.counter(`downstream_rq_${hundreds}xx`),
    );
  }

  /** Counts a request in which something of the proxy itself threw. Weft's own: there where it was needed, not before. */
  internalError(): void {
    this.#scope.counter("downstream_rq_internal_error").inc();
  }

  /** Counts a stream that has ended. */
  requestDone(info: StreamInfo): void {
    this.activeRequests.dec();
    this.#completed.inc();
    this.#classes[Math.floor(info.responseCode / 100)]?.inc();
    this.#duration.record(info.ended - info.started);
  }
}
