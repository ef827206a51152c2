/** What a proxy tells of its traffic, as the one that asks and as the one that answers. */
export interface ProxyTelemetry {
  readonly client: SideTelemetry;
  readonly server: SideTelemetry;
}

/** What is told of one side. */
export interface SideTelemetry {
  readonly accessLogs: readonly AccessLog[];
  readonly tracing: Tracing;
  /** For each provider of Istio's metrics what is kept; empty where nobody wants them. */
  readonly metrics: readonly Metrics[];
}

/** Which of Istio's metrics are kept. */
export interface Metrics {
  /** How often open connections are told of; absent for the filter's default. */
  readonly reportingIntervalMs?: number;
  readonly overrides: readonly MetricOverride[];
}

/** What of a metric differs from the standard. */
export interface MetricOverride {
  /** `requests_total`, … */
  readonly metric: string;
  readonly drop: boolean;
  readonly removedTags: readonly string[];
  /** Tags with the expression (CEL) of their value. */
  readonly tags: Readonly<Record<string, string>>;
}

/** Where a line for each request or connection goes. */
export interface AccessLog {
  readonly sink: AccessLogSink;
  /** CEL: only what it holds for is logged. */
  readonly expression?: string;
}

/** A backend of the mesh that takes what is told, by gRPC. */
export interface TelemetryBackend {
  readonly backend: string;
  readonly authority: string;
}

/** A place for logs. */
export type AccessLogSink =
  | {
      readonly kind: "file";
      readonly path: string;
      readonly format: LogFormat;
      readonly omitEmptyValues: boolean;
    }
  /** Envoy's access log service: of HTTP, or of TCP. */
  | ({
      readonly kind: "http-als" | "tcp-als";
      readonly logName: string;
      readonly filterState: readonly string[];
      readonly requestHeaders: readonly string[];
      readonly responseHeaders: readonly string[];
      readonly responseTrailers: readonly string[];
    } & TelemetryBackend)
  | ({
      readonly kind: "open-telemetry";
      readonly logName: string;
      readonly text: string;
      readonly labels: Readonly<Record<string, string>>;
    } & TelemetryBackend);

/** How a line is written, with Envoy's command operators. */
export type LogFormat =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "json"; readonly fields: LogFields };

/** A JSON object of a log: texts with command operators, and objects of such. */
export interface LogFields {
  readonly [name: string]: string | number | boolean | null | LogFields | readonly (string | LogFields)[];
}

/** Which requests are traced, and where spans go. */
export interface Tracing {
  /** Nothing is told. */
  readonly disabled: boolean;
  /** 0 to 100, of the requests that nobody has decided on yet. */
  readonly randomSampling: number;
  /** The tags by which Istio tells workloads apart. */
  readonly istioTags: boolean;
  /** Whether the request id says if a request is traced. */
  readonly byRequestId: boolean;
  readonly tags: readonly TraceTag[];
  /** Absent where the proxy's bootstrap says where spans go. */
  readonly provider?: TracingProvider;
}

/** A tag of every span. */
export interface TraceTag {
  readonly name: string;
  readonly source:
    | { readonly kind: "literal"; readonly value: string }
    | { readonly kind: "environment" | "header"; readonly name: string; readonly defaultValue: string };
}

/** Where spans go. */
export type TracingProvider =
  | ({ readonly kind: "zipkin"; readonly path: string; readonly traceId128Bit: boolean } & TelemetryBackend)
  | ({
      readonly kind: "open-telemetry";
      readonly maxTagLength?: number;
      /** Spans go by HTTP, to this path; absent: by gRPC. */
      readonly http?: {
        readonly path: string;
        readonly timeoutMs: number;
        readonly headers: readonly { readonly name: string; readonly value: string }[];
      };
    } & TelemetryBackend);
