import type { MeshConfig, Telemetry } from "@weft/istio-api";
import type { Config, ProxyView } from "@weft/mesh-model";
import type { AccessLog, AccessLogSink, LogFields, LogFormat } from "../ir/index.ts";
import { isAbout, type Side } from "./effective.ts";
import { missingForLog } from "./extensions.ts";
import { type Fields, flagOf, isFields, textOf, textsOf, UnusableSetting } from "./fields.ts";
import { defaultJsonFormat, defaultTextFormat } from "./log-format.ts";
import { findProvider, type Provider, providerBackend } from "./providers.ts";

/** What the filters of Istio's Envoy know of the peers. */
const peerState = ["upstream_peer", "downstream_peer"];

/** Takes what keeps a provider from being told. */
export type Complain = (message: string) => void;

function textFormat(text: string): LogFormat {
  if (text === "") return { kind: "text", text: defaultTextFormat };
  return { kind: "text", text: text.endsWith("\n") ? text : `${text}\n` };
}

function jsonFormat(fields: unknown): LogFormat {
  const empty = !isFields(fields) || Object.keys(fields).length === 0;
  // Whatever JSON can hold may stand in a log.
  return { kind: "json", fields: empty ? defaultJsonFormat : (fields as LogFields) };
}

function meshFormat({ accessLogEncoding, accessLogFormat }: MeshConfig): LogFormat {
  if (accessLogEncoding === "TEXT") return textFormat(accessLogFormat);
  if (accessLogFormat === "") return jsonFormat(undefined);
  try {
    return jsonFormat(JSON.parse(accessLogFormat));
  } catch {
    // As Istio: what is no JSON is not logged by; the decoder of the mesh config says so.
    return jsonFormat(undefined);
  }
}

function fileSink({ name, settings }: Provider, mesh: MeshConfig): AccessLogSink {
  const omitEmptyValues = flagOf(settings, "omitEmptyValues");
  const { logFormat } = settings;
  const path = textOf(settings, "path") || "/dev/stdout";
  const base = { kind: "file" as const, path, omitEmptyValues };
  // The provider that is there without being configured writes as the whole mesh does.
  if (name === "envoy" && logFormat === undefined && !omitEmptyValues)
    return { ...base, format: meshFormat(mesh) };
  if (!isFields(logFormat)) return { ...base, format: textFormat("") };
  const format = "labels" in logFormat ? jsonFormat(logFormat.labels) : textFormat(textOf(logFormat, "text"));
  return { ...base, format };
}

function alsSink(kind: "http-als" | "tcp-als", view: ProxyView, settings: Fields): AccessLogSink {
  const state = textsOf(settings, "filterStateObjectsToLog");
  return {
    kind,
    ...providerBackend(view, settings),
    logName:
      textOf(settings, "logName") || (kind === "http-als" ? "http_envoy_accesslog" : "tcp_envoy_accesslog"),
    filterState: state.length > 0 ? state : peerState,
    requestHeaders: textsOf(settings, "additionalRequestHeadersToLog"),
    responseHeaders: textsOf(settings, "additionalResponseHeadersToLog"),
    responseTrailers: textsOf(settings, "additionalResponseTrailersToLog"),
  };
}

function otelSink(view: ProxyView, settings: Fields): AccessLogSink {
  const format = isFields(settings.logFormat) ? settings.logFormat : {};
  const labels = isFields(format.labels) ? format.labels : {};
  return {
    kind: "open-telemetry",
    ...providerBackend(view, settings),
    logName: textOf(settings, "logName") || "otel_envoy_accesslog",
    text: textOf(format, "text") || defaultTextFormat,
    labels: Object.fromEntries(
      Object.keys(labels)
        .sort()
        .map((name) => [name, textOf(labels, name)]),
    ),
  };
}

/** Where a provider's logs go; undefined for one that takes none. @throws UnusableSetting where its settings cannot be used */
function sinkOf(view: ProxyView, provider: Provider): AccessLogSink | undefined {
  switch (provider.kind) {
    case "envoyFileAccessLog":
      return fileSink(provider, view.snapshot.meshConfig);
    case "envoyHttpAls":
      return alsSink("http-als", view, provider.settings);
    case "envoyTcpAls":
      return alsSink("tcp-als", view, provider.settings);
    case "envoyOtelAls":
      return otelSink(view, provider.settings);
    default:
      return undefined;
  }
}

interface Choice {
  readonly disabled: boolean;
  readonly expression?: string;
}

/**
 * By which providers a side is logged. A narrower Telemetry that names providers takes the place of the wider; one that
 * names none says of those that are there whether and when they log.
 */
function choices(
  telemetries: readonly Config<Telemetry>[],
  side: Side,
  defaults: readonly string[],
): ReadonlyMap<string, Choice> {
  let chosen = new Map<string, Choice>(defaults.map((name) => [name, { disabled: false }]));
  for (const { spec } of telemetries) {
    const parts = (spec.accessLogging ?? []).filter(({ match }) => isAbout(match, side));
    const inherited = chosen;
    const named = parts.some(({ providers }) => providers?.length);
    if (named) chosen = new Map();
    for (const { providers, disabled, filter } of parts) {
      const names = providers?.length ? providers.map(({ name }) => name) : [...inherited.keys()];
      const choice = {
        disabled: disabled === true,
        ...(filter?.expression ? { expression: filter.expression } : {}),
      };
      for (const name of names) if (!named || providers?.length || chosen.has(name)) chosen.set(name, choice);
    }
  }
  return chosen;
}

/** Where requests and connections of one side are logged: as Telemetry says, else to the mesh's file. */
export function accessLogsFor(
  view: ProxyView,
  telemetries: readonly Config<Telemetry>[],
  side: Side,
  complain: Complain,
): readonly AccessLog[] {
  const mesh = view.snapshot.meshConfig;
  const chosen = choices(telemetries, side, mesh.defaultProviders.accessLogging ?? []);
  if (chosen.size === 0) {
    if (mesh.accessLogFile === "") return [];
    const sink = {
      kind: "file",
      path: mesh.accessLogFile,
      format: meshFormat(mesh),
      omitEmptyValues: false,
    } as const;
    return [{ sink }];
  }
  const sorted = [...chosen].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.flatMap(([name, { disabled, ...filter }]) => {
    if (disabled) return [];
    const provider = findProvider(mesh, name);
    try {
      const sink = provider && sinkOf(view, provider);
      if (sink !== undefined) {
        const log = { sink, ...filter };
        const lacking = missingForLog(view, log);
        if (lacking.length === 0) return [log];
        complain(`the proxy lacks ${lacking.join(", ")}, which logs of the provider ${name} need`);
        return [];
      }
      complain(
        provider
          ? `the provider ${name} takes no access logs`
          : `MeshConfig has no extensionProvider ${name}`,
      );
    } catch (error) {
      if (!(error instanceof UnusableSetting)) throw error;
      complain(`the provider ${name} cannot be used: ${error.message}`);
    }
    return [];
  });
}
