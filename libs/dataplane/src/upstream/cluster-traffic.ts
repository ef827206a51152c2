import type { Cluster } from "../runtime/cluster.ts";
import type { Counter, Gauge, Histogram } from "../runtime/stats.ts";

/** A cluster's request counters, looked up once per cluster. https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats */
export class ClusterTraffic {
  readonly requests: Counter;
  readonly activeRequests: Gauge;
  readonly completed: Counter;
  readonly duration: Histogram;
  readonly retries: Counter;
  readonly retrySuccesses: Counter;
  readonly retryLimitExceeded: Counter;
  readonly retryBackoff: Counter;
  readonly timeouts: Counter;
  readonly retryRateLimitedBackoff: Counter;
  readonly perTryTimeouts: Counter;
  readonly perTryIdleTimeouts: Counter;
  readonly cancelled: Counter;
  readonly resetsReceived: Counter;
  readonly resetsSent: Counter;
  readonly pendingTotal: Counter;
  readonly pendingActive: Gauge;
  readonly pendingFailures: Counter;
  readonly noneHealthy: Counter;
  readonly connectTimeouts: Counter;
  readonly idleTimeouts: Counter;
  readonly maxRequests: Counter;
  readonly protocolErrors: Counter;
  readonly #http1: Counter;
  readonly #http2: Counter;
  readonly #cluster: Cluster;
  readonly #classes: (Counter | undefined)[] = [];
  readonly #codes = new Map<number, Counter>();

  constructor(cluster: Cluster) {
    const { stats } = cluster;
    this.#cluster = cluster;
    this.requests = stats.counter("upstream_rq_total");
    this.activeRequests = stats.gauge("upstream_rq_active");
    this.completed = stats.counter("upstream_rq_completed");
    this.duration = stats.histogram("upstream_rq_time");
    this.retries = stats.counter("upstream_rq_retry");
    this.retrySuccesses = stats.counter("upstream_rq_retry_success");
    this.retryLimitExceeded = stats.counter("upstream_rq_retry_limit_exceeded");
    this.retryBackoff = stats.counter("upstream_rq_retry_backoff_exponential");
    this.timeouts = stats.counter("upstream_rq_timeout");
    this.retryRateLimitedBackoff = stats.counter("upstream_rq_retry_backoff_ratelimited");
    this.perTryIdleTimeouts = stats.counter("upstream_rq_per_try_idle_timeout");
    this.perTryTimeouts = stats.counter("upstream_rq_per_try_timeout");
    this.cancelled = stats.counter("upstream_rq_cancelled");
    this.resetsReceived = stats.counter("upstream_rq_rx_reset");
    this.resetsSent = stats.counter("upstream_rq_tx_reset");
    this.pendingTotal = stats.counter("upstream_rq_pending_total");
    this.pendingActive = stats.gauge("upstream_rq_pending_active");
    this.pendingFailures = stats.counter("upstream_rq_pending_failure_eject");
    this.noneHealthy = stats.counter("upstream_cx_none_healthy");
    this.#http1 = stats.counter("upstream_cx_http1_total");
    this.#http2 = stats.counter("upstream_cx_http2_total");
    this.connectTimeouts = stats.counter("upstream_cx_connect_timeout");
    this.idleTimeouts = stats.counter("upstream_cx_idle_timeout");
    this.maxRequests = stats.counter("upstream_cx_max_requests");
    this.protocolErrors = stats.counter("upstream_cx_protocol_error");
  }

  connectionOpened(protocol: "http1" | "http2"): void {
    (protocol === "http2" ? this.#http2 : this.#http1).inc();
  }

  /** Counts a status by class and by code, and the request as completed. */
  countStatus(status: number): void {
    const hundreds = Math.floor(status / 100);
    let byClass = this.#classes[hundreds];
    byClass ??= this.#classes[hundreds] = this.#cluster.stats.counter(`upstream_rq_${hundreds}xx`);
    byClass.inc();
    let byCode = this.#codes.get(status);
    if (byCode === undefined) {
      byCode = this.#cluster.stats.counter(`upstream_rq_${status}`);
      this.#codes.set(status, byCode); // statuses have three digits, so this is bounded
    }
    byCode.inc();
    this.completed.inc();
  }
}
