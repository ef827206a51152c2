import type { Telemetry, TelemetryMetrics } from "@weft/istio-api";
import type { Config, ProxyView } from "@weft/mesh-model";
import { durationMs } from "../durations.ts";
import { missingOf } from "../extensions/listed.ts";
import type { MetricOverride, Metrics } from "../ir/index.ts";
import type { Complain } from "./access-logs.ts";
import { isAbout, type Side } from "./effective.ts";
import { findProvider } from "./providers.ts";

/** The filter that keeps Istio's metrics, of requests and of connections; stock Envoy has none. */
export const statsFilter = "istio.stats";

/** Istio's metrics by the names of the API, in the order of these. https://istio.io/latest/docs/reference/config/metrics/ */
const standardMetrics = {
  GRPC_REQUEST_MESSAGES: "request_messages_total",
  GRPC_RESPONSE_MESSAGES: "response_messages_total",
  REQUEST_COUNT: "requests_total",
  REQUEST_DURATION: "request_duration_milliseconds",
  REQUEST_SIZE: "request_bytes",
  RESPONSE_SIZE: "response_bytes",
  TCP_CLOSED_CONNECTIONS: "tcp_connections_closed_total",
  TCP_OPENED_CONNECTIONS: "tcp_connections_opened_total",
  TCP_RECEIVED_BYTES: "tcp_received_bytes_total",
  TCP_SENT_BYTES: "tcp_sent_bytes_total",
} as const;

type Override = NonNullable<TelemetryMetrics["overrides"]>[number];
type Tags = NonNullable<Override["tagOverrides"]>;

/** What is said of one provider, for one side. */
interface Draft {
  /** Nothing is kept: the last that was said of all metrics. */
  disabled: boolean;
  reportingIntervalMs?: number;
  readonly overrides: Map<string, { drop: boolean; readonly tags: Map<string, Tags[string]> }>;
}

/** The metrics that an override is about; undefined for all. */
function metricOf({ match }: Override): string | undefined {
  if (match?.customMetric) return match.customMetric;
  const metric = match?.metric ?? "ALL_METRICS";
  return metric === "ALL_METRICS" ? undefined : metric;
}

function applyOverride(draft: Draft, override: Override): void {
  const metric = metricOf(override);
  if (metric === undefined && override.disabled === true) {
    draft.disabled = true;
    return;
  }
  // What is said of some metrics afterwards brings them back.
  draft.disabled = false;
  for (const name of metric === undefined ? Object.keys(standardMetrics) : [metric]) {
    const entry = draft.overrides.get(name) ?? { drop: false, tags: new Map() };
    if (override.disabled !== undefined) entry.drop = override.disabled;
    for (const [tag, change] of Object.entries(override.tagOverrides ?? {})) entry.tags.set(tag, change);
    draft.overrides.set(name, entry);
  }
}

function byName<T>([a]: readonly [string, T], [b]: readonly [string, T]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function toOverrides({ overrides }: Draft): readonly MetricOverride[] {
  return [...overrides].sort(byName).map(([name, { drop, tags }]) => {
    const sorted = [...tags].sort(byName);
    return {
      metric: standardMetrics[name as keyof typeof standardMetrics] ?? name, // else it is one of the user's
      drop,
      removedTags: sorted.flatMap(([tag, { operation }]) => (operation === "REMOVE" ? [tag] : [])),
      tags: Object.fromEntries(
        sorted.flatMap(([tag, { operation, value }]) => (operation === "REMOVE" ? [] : [[tag, value ?? ""]])),
      ),
    };
  });
}

/** Lays the parts over each other, the wider first: who keeps metrics is what the last that names somebody says. */
function merge(
  parts: readonly TelemetryMetrics[],
  side: Side,
  defaults: readonly string[],
): ReadonlyMap<string, Draft> {
  const namesOf = ({ providers = [] }: TelemetryMetrics) => providers.map(({ name }) => name);
  const last = parts.findLast(({ providers }) => providers?.length);
  const inScope = new Set(last ? namesOf(last) : defaults);
  const drafts = new Map<string, Draft>();
  const draftFor = (name: string): Draft => {
    const draft = drafts.get(name) ?? { disabled: false, overrides: new Map() };
    drafts.set(name, draft);
    return draft;
  };
  if (parts.length === 0) for (const name of defaults) draftFor(name);
  let inherited = defaults;
  for (const part of parts) {
    if (part.providers?.length) inherited = namesOf(part);
    for (const name of inherited.filter((one) => inScope.has(one))) {
      const draft = draftFor(name);
      const intervalMs = durationMs(part.reportingInterval);
      if (intervalMs !== undefined) draft.reportingIntervalMs = intervalMs;
      for (const override of part.overrides ?? [])
        if (isAbout(override.match, side)) applyOverride(draft, override);
    }
  }
  return drafts;
}

/**
 * Which of Istio's metrics a proxy keeps of one side, with which tags: one entry for each provider that wants them.
 * https://istio.io/latest/docs/reference/config/telemetry/#Metrics
 */
export function metricsFor(
  view: ProxyView,
  telemetries: readonly Config<Telemetry>[],
  side: Side,
  complain: Complain,
): readonly Metrics[] {
  const mesh = view.snapshot.meshConfig;
  const parts = telemetries.flatMap(({ spec }) => spec.metrics ?? []);
  const drafts = merge(parts, side, mesh.defaultProviders.metrics ?? []);
  if (drafts.size > 0 && missingOf(view, [statsFilter]).length > 0) {
    if (parts.length > 0) complain(`the proxy lacks ${statsFilter}, without which it keeps no metrics`);
    return [];
  }
  return [...drafts].sort(byName).flatMap(([name, draft]) => {
    const provider = findProvider(mesh, name);
    if (provider?.kind !== "prometheus") {
      complain(
        provider
          ? `the provider ${name} takes no metrics; allowed is prometheus`
          : `MeshConfig has no extensionProvider ${name}`,
      );
      return [];
    }
    if (draft.disabled) return [];
    const { reportingIntervalMs } = draft;
    return [
      {
        ...(reportingIntervalMs === undefined ? {} : { reportingIntervalMs }),
        overrides: toOverrides(draft),
      },
    ];
  });
}
