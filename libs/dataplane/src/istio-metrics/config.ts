import type { Problems } from "../compile/problems.ts";

/** The metrics that are kept, without the `istio_` before them. https://istio.io/latest/docs/reference/config/metrics/ */
export const metricNames = [
  "requests_total",
  "request_duration_milliseconds",
  "request_bytes",
  "response_bytes",
  "tcp_connections_opened_total",
  "tcp_connections_closed_total",
  "tcp_sent_bytes_total",
  "tcp_received_bytes_total",
] as const;

/** One of {@link metricNames}. */
export type MetricName = (typeof metricNames)[number];

/** What is changed about one metric, or (without a name) about all. */
export interface MetricOverride {
  readonly name: MetricName | "";
  readonly drop: boolean;
  readonly tagsToRemove: readonly string[];
  /** Labels with a fixed value, instead of the standard one or besides. */
  readonly constants: Readonly<Record<string, string>>;
}

/** Istio's `stats.PluginConfig`, as far as this proxy acts on it. */
export interface StatsConfig {
  /** Never names a service after the host header. */
  readonly disableHostHeaderFallback: boolean;
  /** Between two reports of an open TCP connection. */
  readonly tcpReportingMs: number;
  readonly overrides: readonly MetricOverride[];
}

/** Istio's interval between reports of a TCP connection. */
export const defaultTcpReportingMs = 5000;

const usedFields = new Set(["disable_host_header_fallback", "tcp_reporting_duration", "metrics"]);
const usedMetricFields = new Set(["name", "drop", "tags_to_remove", "dimensions"]);

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  value !== null && typeof value === "object" && !Array.isArray(value);

/** As protobuf's JSON: fields may be written in either case. */
function snakeCase(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}

function warnOfOthers(fields: Fields, used: ReadonlySet<string>, path: string, problems: Problems): void {
  for (const name of Object.keys(fields)) {
    if (used.has(name)) continue;
    problems.warning(`${path}.${name}`, "without-effect", "has no effect: this proxy does not implement it");
  }
}

/**
 * Decodes the `stats.PluginConfig` of `istio.stats`, which comes as JSON since its .proto is no part of Envoy's API.
 * https://istio.io/latest/docs/reference/config/proxy_extensions/stats/
 */
export function decodeStatsConfig(value: unknown, path: string, problems: Problems): StatsConfig {
  const fields = isFields(value) ? snakeCase(value) : {};
  warnOfOthers(fields, usedFields, path, problems);
  const metrics = Array.isArray(fields.metrics) ? fields.metrics : [];
  return {
    disableHostHeaderFallback: fields.disable_host_header_fallback === true,
    tcpReportingMs: durationMs(fields.tcp_reporting_duration, `${path}.tcp_reporting_duration`, problems),
    overrides: metrics.flatMap((metric, i) => decodeMetric(metric, `${path}.metrics[${i}]`, problems) ?? []),
  };
}

function durationMs(value: unknown, path: string, problems: Problems): number {
  if (value === undefined) return defaultTcpReportingMs;
  const [, seconds] = /^(\d+(?:\.\d+)?)s$/.exec(String(value)) ?? [];
  if (seconds !== undefined && Number(seconds) >= 0.1) return Number(seconds) * 1000;
  problems.warning(path, "without-effect", `${JSON.stringify(value)} is no time of 0.1s or more: 5s it is`);
  return defaultTcpReportingMs;
}

function decodeMetric(value: unknown, path: string, problems: Problems): MetricOverride | undefined {
  const fields = isFields(value) ? snakeCase(value) : {};
  warnOfOthers(fields, usedMetricFields, path, problems);
  const name = String(fields.name ?? "").replace(/^istio_/, "");
  const known = name === "" ? "" : metricNames.find((one) => one === name);
  if (known === undefined) {
    problems.warning(
      `${path}.name`,
      "without-effect",
      `"${name}" is not kept by this proxy; it keeps ${metricNames.join(", ")}`,
    );
    return undefined;
  }
  const removed = fields.tags_to_remove;
  return {
    name: known,
    drop: fields.drop === true,
    tagsToRemove: Array.isArray(removed) ? removed.map(String) : [],
    constants: decodeDimensions(fields.dimensions, `${path}.dimensions`, problems),
  };
}

/** Of CEL this proxy evaluates text literals alone; the label of another expression is `unknown`, and that is said. */
function decodeDimensions(
  value: unknown,
  path: string,
  problems: Problems,
): Readonly<Record<string, string>> {
  const constants: Record<string, string> = {};
  for (const [name, expression] of Object.entries(isFields(value) ? value : {})) {
    const [, , text] = /^\s*(["'])([^"'\\]*)\1\s*$/.exec(String(expression)) ?? [];
    if (text === undefined)
      problems.warning(
        `${path}.${name}`,
        "without-effect",
        `is "unknown" always: this proxy evaluates text literals alone ('blue'), not ${String(expression)}`,
      );
    constants[name] = text ?? "unknown";
  }
  return constants;
}
