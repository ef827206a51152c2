import { grpcStatusOf } from "../access-log/grpc-status.ts";
import { isGrpc } from "../http/local-reply.ts";
import type { ClusterSet } from "../runtime/cluster.ts";
import type { StreamInfo } from "../runtime/stream-info.ts";
import type { MetricName, StatsConfig } from "./config.ts";
import {
  endLabels,
  formatLabels,
  type Labels,
  serviceOfCluster,
  unknown,
  type WorkloadLabels,
  workloadOfEndpoint,
  workloadOfPrincipal,
} from "./labels.ts";
import type { MetricFamilies } from "./metrics.ts";
import { RowIndex } from "./row-index.ts";
import type { CounterSeries, HistogramSeries } from "./series.ts";

/** Which end of a connection this proxy is, and tells as. */
export type Reporter = "source" | "destination";

interface RequestRow {
  readonly requests: CounterSeries | undefined;
  readonly duration: HistogramSeries | undefined;
  readonly requestBytes: HistogramSeries | undefined;
  readonly responseBytes: HistogramSeries | undefined;
}

interface TcpRow {
  readonly opened: CounterSeries | undefined;
  readonly closed: CounterSeries | undefined;
  readonly sent: CounterSeries | undefined;
  readonly received: CounterSeries | undefined;
}

/** What happened on a TCP connection since it was last told of. */
export interface TcpReport {
  readonly opened: number;
  readonly closed: number;
  readonly sent: number;
  readonly received: number;
}

/** What a {@link Recorder} is made of. */
export interface RecorderParts {
  readonly reporter: Reporter;
  readonly config: StatsConfig;
  readonly local: WorkloadLabels;
  readonly families: MetricFamilies;
  readonly clusters: ClusterSet;
  /** Rows that are found at once. */
  readonly indexLimit: number;
}

/** Keeps Istio's metrics for one end under one configuration. */
export class Recorder {
  readonly #parts: RecorderParts;
  readonly #requests: RowIndex<RequestRow>;
  readonly #connections: RowIndex<TcpRow>;

  constructor(parts: RecorderParts) {
    this.#parts = parts;
    this.#requests = new RowIndex(parts.indexLimit);
    this.#connections = new RowIndex(parts.indexLimit);
  }

  /** Counts a request that is over. */
  request(info: StreamInfo): void {
    const { request } = info;
    const principal = this.#peerPrincipal(info);
    const key = this.#targetOf(info);
    const target =
      this.#requests.target(principal, key) ??
      this.#requests.addTarget(principal, key, this.#namesByAuthority(info));
    const status = request !== undefined && isGrpc(request) ? statusOf(info) : undefined;
    const code = codeOf(info, status, target.byAuthority ? request?.authority : undefined);
    let row = target.rows.get(code);
    if (row === undefined) {
      row = this.#requestRow(info, principal, status);
      this.#requests.addRow(target, code, row);
    }
    row.requests?.add(1);
    row.duration?.record(info.ended - info.started);
    row.requestBytes?.record(info.bytesReceived);
    row.responseBytes?.record(info.bytesSent);
  }

  /** Counts what happened on a TCP connection. */
  tcp(info: StreamInfo, { opened, closed, sent, received }: TcpReport): void {
    const principal = this.#peerPrincipal(info);
    const key = this.#targetOf(info);
    const target =
      this.#connections.target(principal, key) ?? this.#connections.addTarget(principal, key, false);
    let row = target.rows.get(info.flagText);
    if (row === undefined) {
      row = this.#tcpRow(info, principal);
      this.#connections.addRow(target, info.flagText, row);
    }
    row.opened?.add(opened);
    row.closed?.add(closed);
    row.sent?.add(sent);
    row.received?.add(received);
  }

  /** Looks at labels anew: series were dropped, hosts may be gone, or what a cluster says of itself has changed. */
  refresh(): void {
    this.#requests.clear();
    this.#connections.clear();
  }

  #peerPrincipal(info: StreamInfo): string {
    const peer =
      this.#parts.reporter === "destination" ? info.connection.tls?.peer : info.upstreamIdentity?.peer;
    return peer?.uriSans[0] ?? "";
  }

  /** What destination labels depend on. */
  #targetOf(info: StreamInfo): object | string {
    return (this.#parts.reporter === "source" ? info.upstreamHost : undefined) ?? clusterOf(info);
  }

  #namesByAuthority(info: StreamInfo): boolean {
    return !this.#parts.config.disableHostHeaderFallback && this.#serviceOf(info).host === "";
  }

  #serviceOf(info: StreamInfo) {
    const name = clusterOf(info);
    return serviceOfCluster(name, this.#parts.clusters.get(name)?.metadata);
  }

  #requestRow(info: StreamInfo, principal: string, status: number | undefined): RequestRow {
    const { families, reporter } = this.#parts;
    const labels = this.#labels(info, principal, {
      request_protocol: status === undefined ? "http" : "grpc",
      response_code: String(info.responseCode),
      grpc_response_status: statusText(status),
    });
    const of = this.#seriesFor(labels);
    return {
      requests: of("requests_total", (text, now) => families.requests_total.obtain(text, reporter, now)),
      duration: of("request_duration_milliseconds", (text, now) =>
        families.request_duration_milliseconds.obtain(text, reporter, now),
      ),
      requestBytes: of("request_bytes", (text, now) => families.request_bytes.obtain(text, reporter, now)),
      responseBytes: of("response_bytes", (text, now) => families.response_bytes.obtain(text, reporter, now)),
    };
  }

  #tcpRow(info: StreamInfo, principal: string): TcpRow {
    const of = this.#seriesFor(this.#labels(info, principal, { request_protocol: "tcp" }));
    const { families, reporter } = this.#parts;
    const counter = (name: Extract<MetricName, `tcp_${string}`>) =>
      of(name, (text, now) => families[name].obtain(text, reporter, now));
    return {
      opened: counter("tcp_connections_opened_total"),
      closed: counter("tcp_connections_closed_total"),
      sent: counter("tcp_sent_bytes_total"),
      received: counter("tcp_received_bytes_total"),
    };
  }

  /** Applies what is configured for a metric to its labels. */
  #seriesFor(standard: Labels) {
    const { config, families } = this.#parts;
    const now = families.now();
    const usual = formatLabels(standard);
    return <Series>(
      metric: MetricName,
      obtain: (labels: string, now: number) => Series,
    ): Series | undefined => {
      const overrides = config.overrides.filter(({ name }) => name === "" || name === metric);
      if (overrides.some(({ drop }) => drop)) return undefined;
      if (overrides.length === 0) return obtain(usual, now);
      const labels: Record<string, string> = { ...standard };
      for (const { constants, tagsToRemove } of overrides) {
        Object.assign(labels, constants);
        for (const tag of tagsToRemove) delete labels[tag];
      }
      return obtain(formatLabels(labels), now);
    };
  }

  #labels(info: StreamInfo, principal: string, protocol: Labels): Labels {
    const { reporter, local } = this.#parts;
    const { tls } = info.connection;
    const own =
      (reporter === "destination" ? tls?.localUriSans[0] : info.upstreamIdentity?.localUriSans[0]) ?? "";
    const peer =
      reporter === "destination"
        ? workloadOfPrincipal(principal)
        : workloadOfEndpoint(info.upstreamHost?.metadata, principal);
    const source =
      reporter === "source" ? endLabels("source", local, own) : endLabels("source", peer, principal);
    const destination =
      reporter === "source"
        ? endLabels("destination", peer, principal)
        : endLabels("destination", local, own);
    return {
      reporter,
      ...source,
      ...destination,
      ...this.#serviceLabels(info, peer),
      ...protocol,
      response_flags: info.flagText,
      // As Istio: a source cannot tell, since the other side may serve both.
      connection_security_policy:
        reporter === "source" ? unknown : principal !== "" && own !== "" ? "mutual_tls" : "none",
    };
  }

  #serviceLabels(info: StreamInfo, peer: WorkloadLabels): Labels {
    const { reporter, local } = this.#parts;
    const service = this.#serviceOf(info);
    const host = service.host || (this.#namesByAuthority(info) && info.request?.authority) || "";
    if (reporter === "destination")
      return {
        destination_service: host || local.canonicalService,
        destination_service_name: service.name || local.canonicalService,
        destination_service_namespace: local.namespace,
      };
    return {
      destination_service: host || unknown,
      destination_service_name: service.name || host || unknown,
      destination_service_namespace: service.namespace || peer.namespace,
    };
  }
}

/** By its configured name, where it was looked up by that. */
function clusterOf({ clusterChoice, upstreamCluster }: StreamInfo): string {
  return clusterChoice?.cluster ?? upstreamCluster ?? "";
}

/** How a request ended, in one value: a number for all but the rare. */
function codeOf(
  info: StreamInfo,
  status: number | undefined,
  authority: string | undefined,
): number | string {
  const code = info.responseCode + (status === undefined ? 0 : (status + 2) * 1000);
  if (info.flags.size === 0 && authority === undefined) return code;
  return `${code} ${info.flagText} ${authority ?? ""}`;
}

/** Of a gRPC call; what gRPC does not know is the upstream's to invent, and makes no label of its own. */
const invalidStatus = 17;
const noStatus = -1;

function statusOf(info: StreamInfo): number {
  const status = grpcStatusOf(info);
  if (status === undefined) return noStatus;
  return status >= 0 && status < invalidStatus ? status : invalidStatus;
}

function statusText(status: number | undefined): string {
  if (status === undefined || status === noStatus) return "";
  return status === invalidStatus ? unknown : String(status);
}
