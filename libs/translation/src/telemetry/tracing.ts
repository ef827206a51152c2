import { parseDuration } from "@weft/base";
import type { Telemetry, TelemetryTracing } from "@weft/istio-api";
import type { Config, ProxyView } from "@weft/mesh-model";
import type { TraceTag, Tracing, TracingProvider } from "../ir/index.ts";
import type { Complain } from "./access-logs.ts";
import { isAbout, type Side } from "./effective.ts";
import { missingForTraces } from "./extensions.ts";
import { type Fields, isFields, numberOf, textOf, UnusableSetting } from "./fields.ts";
import { findProvider, type Provider, providerBackend } from "./providers.ts";

/** Percentage of the requests that are traced where nobody says otherwise, as Istio has it. */
const defaultSampling = 1;

function httpExport(settings: Fields): Pick<Extract<TracingProvider, { kind: "open-telemetry" }>, "http"> {
  const { http } = settings;
  if (!isFields(http)) return {};
  const timeoutMs = parseDuration(textOf(http, "timeout") || "10s");
  if (timeoutMs === undefined) throw new UnusableSetting('http.timeout must be a duration such as "5s"');
  const headers = (Array.isArray(http.headers) ? http.headers : []).filter(isFields);
  return {
    http: {
      path: textOf(http, "path") || "/",
      timeoutMs,
      headers: headers.map((header) => ({ name: textOf(header, "name"), value: textOf(header, "value") })),
    },
  };
}

/** Where a provider's spans go; undefined for one that takes none. @throws UnusableSetting where its settings cannot be used */
function tracerOf(view: ProxyView, { kind, settings }: Provider): TracingProvider | undefined {
  switch (kind) {
    case "zipkin":
      return {
        kind: "zipkin",
        ...providerBackend(view, settings),
        path: textOf(settings, "path") || "/api/v2/spans",
        traceId128Bit: settings.enable64bitTraceId !== true,
      };
    case "opentelemetry": {
      const maxTagLength = numberOf(settings, "maxTagLength");
      return {
        kind: "open-telemetry",
        ...providerBackend(view, settings),
        ...(maxTagLength ? { maxTagLength } : {}),
        ...httpExport(settings),
      };
    }
    default:
      return undefined;
  }
}

function tagsOf(customTags: TelemetryTracing["customTags"] = {}): readonly TraceTag[] {
  return Object.entries(customTags)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, { literal, environment, header }]): readonly TraceTag[] => {
      if (literal) return [{ name, source: { kind: "literal", value: literal.value } }];
      const source = environment ?? header;
      const kind = environment ? "environment" : "header";
      return source
        ? [{ name, source: { kind, name: source.name, defaultValue: source.defaultValue ?? "" } }]
        : [];
    });
}

/** What is traced of one side: each setting as the narrowest Telemetry that has it says. */
export function tracingFor(
  view: ProxyView,
  telemetries: readonly Config<Telemetry>[],
  side: Side,
  complain: Complain,
): Tracing {
  const mesh = view.snapshot.meshConfig;
  const parts = telemetries.flatMap(({ spec }) =>
    (spec.tracing ?? []).filter(({ match }) => isAbout(match, side)),
  );
  const last = <K extends keyof TelemetryTracing>(key: K): TelemetryTracing[K] | undefined =>
    parts.findLast((part) => part[key] !== undefined)?.[key];
  const name = last("providers")?.[0]?.name ?? mesh.defaultProviders.tracing?.[0];
  const provider = name === undefined ? undefined : tracer(view, name, complain);
  return {
    disabled: last("disableSpanReporting") === true,
    randomSampling: last("randomSamplingPercentage") ?? defaultSampling,
    istioTags: last("enableIstioTags") !== false,
    byRequestId: last("useRequestIdForTraceSampling") !== false,
    tags: tagsOf(last("customTags")),
    ...(provider ? { provider } : {}),
  };
}

function tracer(view: ProxyView, name: string, complain: Complain): TracingProvider | undefined {
  const provider = findProvider(view.snapshot.meshConfig, name);
  try {
    const found = provider && tracerOf(view, provider);
    const lacking = found ? missingForTraces(view, found) : [];
    if (lacking.length > 0) {
      complain(`the proxy lacks ${lacking.join(", ")}, which traces for the provider ${name} need`);
      return undefined;
    }
    if (found === undefined)
      complain(
        provider
          ? `traces cannot go to the provider ${name}: ${provider.kind} is not supported for them; allowed are zipkin and opentelemetry`
          : `MeshConfig has no extensionProvider ${name}`,
      );
    return found;
  } catch (error) {
    if (!(error instanceof UnusableSetting)) throw error;
    complain(`the provider ${name} cannot be used: ${error.message}`);
    return undefined;
  }
}
