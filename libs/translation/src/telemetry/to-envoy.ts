import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { assertNever } from "@weft/base";
import type {
  AccessLogFilterSchema,
  AccessLogSchema,
} from "@weft/envoy-api/envoy/config/accesslog/v3/accesslog_pb.js";
import { ApiVersion } from "@weft/envoy-api/envoy/config/core/v3/config_source_pb.js";
import { FileAccessLogSchema } from "@weft/envoy-api/envoy/extensions/access_loggers/file/v3/file_pb.js";
import { ExpressionFilterSchema } from "@weft/envoy-api/envoy/extensions/access_loggers/filters/cel/v3/cel_pb.js";
import {
  type CommonGrpcAccessLogConfigSchema,
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
} from "@weft/envoy-api/envoy/extensions/access_loggers/grpc/v3/als_pb.js";
import { OpenTelemetryAccessLogConfigSchema } from "@weft/envoy-api/envoy/extensions/access_loggers/open_telemetry/v3/logs_service_pb.js";
import { CelSchema } from "@weft/envoy-api/envoy/extensions/formatter/cel/v3/cel_pb.js";
import { MetadataSchema } from "@weft/envoy-api/envoy/extensions/formatter/metadata/v3/metadata_pb.js";
import { ReqWithoutQuerySchema } from "@weft/envoy-api/envoy/extensions/formatter/req_without_query/v3/req_without_query_pb.js";
import { pack } from "../envoy/any.ts";
import type { AccessLog, AccessLogSink, TelemetryBackend } from "../ir/index.ts";
import { expressionFilter, loggerNames } from "./extensions.ts";
import { type FormatterName, formattersOf } from "./log-operators.ts";

type EnvoyAccessLog = MessageInitShape<typeof AccessLogSchema>;
type Filter = MessageInitShape<typeof AccessLogFilterSchema>;
type GrpcSink = Exclude<AccessLogSink, { kind: "file" }>;

const formatters: Readonly<Record<FormatterName, ReturnType<typeof pack>>> = {
  "envoy.formatter.cel": pack(CelSchema),
  "envoy.formatter.metadata": pack(MetadataSchema),
  "envoy.formatter.req_without_query": pack(ReqWithoutQuerySchema),
};

/** A gRPC service of the mesh. */
export function toGrpcService({ backend, authority }: TelemetryBackend) {
  return { targetSpecifier: { case: "envoyGrpc" as const, value: { clusterName: backend, authority } } };
}

function toGrpcLog(sink: GrpcSink): MessageInitShape<typeof CommonGrpcAccessLogConfigSchema> {
  return {
    logName: sink.logName,
    grpcService: toGrpcService(sink),
    transportApiVersion: ApiVersion.V3,
    ...(sink.kind === "open-telemetry" ? {} : { filterStateObjectsToLog: [...sink.filterState] }),
  };
}

function toLogger(sink: AccessLogSink): Pick<EnvoyAccessLog & object, "name" | "configType"> {
  const logger = (name: string, value: ReturnType<typeof pack>) => ({
    name,
    configType: { case: "typedConfig" as const, value },
  });
  switch (sink.kind) {
    case "file":
      return logger(
        loggerNames[sink.kind],
        pack(FileAccessLogSchema, {
          path: sink.path,
          accessLogFormat: {
            case: "logFormat",
            value: {
              format:
                sink.format.kind === "text"
                  ? {
                      case: "textFormatSource",
                      value: { specifier: { case: "inlineString", value: sink.format.text } },
                    }
                  : { case: "jsonFormat", value: sink.format.fields as JsonObject }, // JSON by its type
              ...(sink.format.kind === "json" ? { jsonFormatOptions: { sortProperties: false } } : {}),
              omitEmptyValues: sink.omitEmptyValues,
              formatters: formattersOf(sink.format).map((name) => ({ name, typedConfig: formatters[name] })),
            },
          },
        }),
      );
    case "http-als":
      return logger(
        loggerNames[sink.kind],
        pack(HttpGrpcAccessLogConfigSchema, {
          commonConfig: toGrpcLog(sink),
          additionalRequestHeadersToLog: [...sink.requestHeaders],
          additionalResponseHeadersToLog: [...sink.responseHeaders],
          additionalResponseTrailersToLog: [...sink.responseTrailers],
        }),
      );
    case "tcp-als":
      return logger(
        loggerNames[sink.kind],
        pack(TcpGrpcAccessLogConfigSchema, { commonConfig: toGrpcLog(sink) }),
      );
    case "open-telemetry": {
      const attributes = Object.entries(sink.labels).map(([key, value]) => ({
        key,
        value: { value: { case: "stringValue" as const, value } },
      }));
      return logger(
        loggerNames[sink.kind],
        pack(OpenTelemetryAccessLogConfigSchema, {
          commonConfig: toGrpcLog(sink),
          disableBuiltinLabels: true,
          body: { value: { case: "stringValue", value: sink.text } },
          ...(attributes.length === 0 ? {} : { attributes: { values: attributes } }),
        }),
      );
    }
    default:
      return assertNever(sink);
  }
}

function toExpression(expression: string): Filter {
  return {
    filterSpecifier: {
      case: "extensionFilter",
      value: {
        name: expressionFilter,
        configType: { case: "typedConfig", value: pack(ExpressionFilterSchema, { expression }) },
      },
    },
  };
}

/** Connections that no filter chain takes: nothing further on tells of them. */
const withoutChain: Filter = {
  filterSpecifier: { case: "responseFlagFilter", value: { flags: ["NR"] } },
};

/** Envoy's access loggers: of requests and connections, or of a listener, for what gets no further. */
export function toAccessLogs(
  logs: readonly AccessLog[],
  of: "traffic" | "listener" = "traffic",
): EnvoyAccessLog[] {
  return logs.map(({ sink, expression }) => {
    const filters = [
      ...(of === "listener" ? [withoutChain] : []),
      ...(expression === undefined ? [] : [toExpression(expression)]),
    ];
    const [only, ...others] = filters;
    return {
      ...toLogger(sink),
      ...(only === undefined
        ? {}
        : {
            filter:
              others.length === 0
                ? only
                : { filterSpecifier: { case: "andFilter" as const, value: { filters } } },
          }),
    };
  });
}
