import type { ProxyView } from "@weft/mesh-model";
import { missingOf } from "../extensions/listed.ts";
import type { AccessLog, AccessLogSink, TracingProvider } from "../ir/index.ts";
import { formattersOf } from "./log-operators.ts";

/** Envoy's access loggers. */
export const loggerNames: Readonly<Record<AccessLogSink["kind"], string>> = {
  file: "envoy.access_loggers.file",
  "http-als": "envoy.access_loggers.http_grpc",
  "tcp-als": "envoy.access_loggers.tcp_grpc",
  "open-telemetry": "envoy.access_loggers.open_telemetry",
};

/** Envoy's tracers. */
export const tracerNames: Readonly<Record<TracingProvider["kind"], string>> = {
  zipkin: "envoy.tracers.zipkin",
  "open-telemetry": "envoy.tracers.opentelemetry",
};

/** Envoy's filter of access logs by CEL. */
export const expressionFilter = "envoy.access_loggers.extension_filters.cel";

/** The extensions that a proxy lacks for a log; every proxy writes files. */
export function missingForLog(view: ProxyView, { sink, expression }: AccessLog): readonly string[] {
  return missingOf(view, [
    ...(sink.kind === "file" ? formattersOf(sink.format) : [loggerNames[sink.kind]]),
    ...(expression === undefined ? [] : [expressionFilter]),
  ]);
}

/** The extensions that a proxy lacks for sending spans to a provider. */
export function missingForTraces(view: ProxyView, { kind }: TracingProvider): readonly string[] {
  return missingOf(view, [tracerNames[kind]]);
}
