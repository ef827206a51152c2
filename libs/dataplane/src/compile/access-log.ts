import type { JsonObject } from "@bufbuild/protobuf";
import { typeNameOf } from "@weft/envoy-api";
import {
  type AccessLog,
  type AccessLogFilter,
  type ComparisonFilter,
  ComparisonFilter_Op,
} from "@weft/envoy-api/envoy/config/accesslog/v3/accesslog_pb.js";
import type { SubstitutionFormatString } from "@weft/envoy-api/envoy/config/core/v3/substitution_format_string_pb.js";
import type { FileAccessLog } from "@weft/envoy-api/envoy/extensions/access_loggers/file/v3/file_pb.js";
import type { StdoutAccessLog } from "@weft/envoy-api/envoy/extensions/access_loggers/stream/v3/stream_pb.js";
import { compileHeader } from "@weft/matching";
import { compileFormat, compileJsonFormat, defaultFormat, FormatError } from "../access-log/index.ts";
import type { AccessLogger, ResponseFlag, StreamFormatter, StreamInfo } from "../runtime/stream-info.ts";
import type { CompileEnvironment } from "./environment.ts";
import type { Problems } from "./problems.ts";
import { decodeHeaderMatcher } from "./route/matchers.ts";
import { reportUnknownExtension, unpackKnown } from "./values.ts";

/** The access loggers that are compiled in, by the names Envoy lists them under. */
export const accessLoggerNames = [
  "envoy.access_loggers.file",
  "envoy.access_loggers.stdout",
  "envoy.access_loggers.stderr",
] as const;

/** Compiles a list of access logs. */
export function compileAccessLogs(
  messages: readonly AccessLog[],
  path: string,
  environment: CompileEnvironment,
  problems: Problems,
): readonly AccessLogger[] {
  return messages.flatMap((message, index) =>
    compileOne(message, `${path}[${index}]`, environment, problems),
  );
}

function compileOne(
  { name, filter, configType }: AccessLog,
  path: string,
  environment: CompileEnvironment,
  problems: Problems,
): AccessLogger[] {
  const wanted = filter === undefined ? () => true : compileFilter(filter, `${path}.filter`, problems);
  const sink = compileSink(name, configType, path, problems);
  if (sink === undefined) return [];
  const file = environment.logFile(sink.file);
  return [
    (info) => {
      if (wanted(info)) file.write(sink.format(info));
    },
  ];
}

interface Sink {
  readonly file: string;
  readonly format: StreamFormatter;
}

function compileSink(
  name: string,
  configType: AccessLog["configType"],
  path: string,
  problems: Problems,
): Sink | undefined {
  const any = configType.value;
  const typeName = typeNameOf(any?.typeUrl ?? "");
  const read = () => (any === undefined ? undefined : unpackKnown(any, `${path}.typed_config`, problems));
  switch (typeName) {
    case "envoy.extensions.access_loggers.file.v3.FileAccessLog": {
      const message = read() as FileAccessLog | undefined; // its type was compared
      if (message === undefined) return undefined;
      const { accessLogFormat } = message;
      const at = `${path}.typed_config`;
      const format = attemptFormat(at, problems, () => {
        switch (accessLogFormat.case) {
          case "format":
            return compileFormat(accessLogFormat.value);
          case "jsonFormat":
          case "typedJsonFormat":
            return compileJsonFormat(accessLogFormat.value);
          default:
            return compileLogFormat(accessLogFormat.value, at, problems);
        }
      });
      return format && { file: message.path, format };
    }
    case "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog":
    case "envoy.extensions.access_loggers.stream.v3.StderrAccessLog": {
      const message = read() as StdoutAccessLog | undefined; // both have the same fields
      if (message === undefined) return undefined;
      const at = `${path}.typed_config`;
      const format = attemptFormat(at, problems, () =>
        compileLogFormat(message.accessLogFormat.value, at, problems),
      );
      const file = typeName.endsWith("StdoutAccessLog") ? "/dev/stdout" : "/dev/stderr";
      return format && { file, format };
    }
    default:
      reportUnknownExtension(problems, path, { name, typeUrl: any?.typeUrl }, accessLoggerNames);
      return undefined;
  }
}

function compileLogFormat(
  message: SubstitutionFormatString | undefined,
  path: string,
  problems: Problems,
): StreamFormatter {
  const absent = message?.omitEmptyValues === true ? "" : "-";
  const specifier = message?.format;
  switch (specifier?.case) {
    case undefined:
      return compileFormat(defaultFormat);
    case "textFormat":
      return compileFormat(specifier.value, absent);
    case "jsonFormat":
      return compileJsonFormat(specifier.value as JsonObject, message?.omitEmptyValues);
    case "textFormatSource":
      if (specifier.value.specifier.case === "inlineString") {
        return compileFormat(specifier.value.specifier.value, absent);
      }
  }
  problems.error(
    `${path}.log_format`,
    "not-implemented",
    "needs text_format, json_format or an inline text_format_source",
  );
  return () => "";
}

function attemptFormat(
  path: string,
  problems: Problems,
  compile: () => StreamFormatter,
): StreamFormatter | undefined {
  try {
    return compile();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    problems.error(path, "invalid-format", error.message);
    return undefined;
  }
}

type Wanted = (info: StreamInfo) => boolean;

/** https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/accesslog/v3/accesslog.proto#config-accesslog-v3-accesslogfilter */
function compileFilter(
  { filterSpecifier: filter }: AccessLogFilter,
  path: string,
  problems: Problems,
): Wanted {
  const each = (filters: readonly AccessLogFilter[], kind: string) =>
    filters.map((inner, index) => compileFilter(inner, `${path}.${kind}.filters[${index}]`, problems));
  switch (filter.case) {
    case "statusCodeFilter":
      return compileComparison(filter.value.comparison, (info) => info.responseCode);
    case "durationFilter":
      return compileComparison(filter.value.comparison, (info) => info.ended - info.started);
    case "responseFlagFilter": {
      const flags = filter.value.flags as ResponseFlag[]; // flags this proxy never sets match nothing
      if (flags.length === 0) return (info) => info.flags.size > 0;
      return (info) => flags.some((flag) => info.flags.has(flag));
    }
    case "headerFilter": {
      if (filter.value.header === undefined) return () => true;
      const matches = compileHeader(
        decodeHeaderMatcher(filter.value.header, `${path}.header_filter.header`, problems),
      );
      return ({ request }) => request !== undefined && matches(request);
    }
    case "andFilter": {
      const all = each(filter.value.filters, "and_filter");
      return (info) => all.every((wanted) => wanted(info));
    }
    case "orFilter": {
      const any = each(filter.value.filters, "or_filter");
      return (info) => any.some((wanted) => wanted(info));
    }
    default:
      problems.error(
        path,
        "not-implemented",
        `this proxy does not implement ${filter.case ?? "an empty filter"}`,
      );
      return () => false;
  }
}

function compileComparison(
  message: ComparisonFilter | undefined,
  read: (info: StreamInfo) => number,
): Wanted {
  // Runtime keys are not looked up: the default counts.
  const limit = message?.value?.defaultValue ?? 0;
  switch (message?.op) {
    case ComparisonFilter_Op.GE:
      return (info) => read(info) >= limit;
    case ComparisonFilter_Op.LE:
      return (info) => read(info) <= limit;
    default:
      return (info) => read(info) === limit;
  }
}
