import type { Clock } from "@weft/base";
import { typeUrls } from "@weft/envoy-api";
import type { MeshSnapshot } from "@weft/mesh-model";
import { createMetrics, type EventLoopWatch, type Metrics, secondsBuckets } from "@weft/observability";
import type { ResponseCache, XdsServerEvent } from "@weft/xds";
import type { Engine, EngineObserver } from "./engine.ts";
import { countMesh, type MeshCount, meshCountHelp } from "./mesh-counts.ts";

/** Istio's short names of resource types, as in the label `type="cds"`. */
const shortNames: Readonly<Record<string, string>> = {
  [typeUrls.cluster]: "cds",
  [typeUrls.endpoint]: "eds",
  [typeUrls.listener]: "lds",
  [typeUrls.route]: "rds",
  [typeUrls.virtualHost]: "vhds",
  [typeUrls.secret]: "sds",
  [typeUrls.extensionConfig]: "ecds",
  [typeUrls.nameTable]: "nds",
};

/** `cds` for a type URL; the type's last word for one that has no short name. */
export function shortTypeName(typeUrl: string): string {
  return shortNames[typeUrl] ?? typeUrl.slice(typeUrl.lastIndexOf(".") + 1).toLowerCase();
}

/** What pilot measures. */
export interface PilotMetrics {
  readonly observer: EngineObserver;
  onXdsEvent(event: XdsServerEvent, engine: Engine): void;
  /** Keys of an issuer were fetched, or could not be. */
  onJwksFetch(succeeded: boolean): void;
  text(): Promise<string>;
  close(): Promise<void>;
}

/** Settings of {@link createPilotMetrics}. */
export interface PilotMetricsOptions {
  readonly version: string;
  readonly clock: Clock;
  /** Asked when the metrics are read. */
  readonly engine: () => Engine;
  readonly eventLoop: EventLoopWatch;
  /** Responses that are kept for further streams. */
  readonly cache: () => ResponseCache;
}

const sizeBuckets = [1, 10_000, 1_000_000, 4_000_000, 10_000_000, 40_000_000];
const smallBuckets = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 0.5, 1, 3, 5, 10, 20];

/** Creates pilot's metrics, under Istio's names. https://istio.io/latest/docs/reference/commands/pilot-discovery/#metrics */
export async function createPilotMetrics(options: PilotMetricsOptions): Promise<PilotMetrics> {
  const { clock, engine, eventLoop } = options;
  const metrics = await createMetrics();
  const startedAt = clock.monotonic();
  observeState(metrics, options, startedAt);
  const pushes = metrics.counter("pilot_xds_pushes", "Responses sent, by type.");
  const pushTime = metrics.histogram(
    "pilot_xds_push_time",
    "Seconds from the begin of a proxy's push until a type of it was sent.",
    smallBuckets,
  );
  const sendTime = metrics.histogram(
    "pilot_xds_send_time",
    "Seconds from the begin of sending a response until it had left.",
    smallBuckets,
  );
  const size = metrics.histogram("pilot_xds_config_size_bytes", "Bytes of the responses sent.", sizeBuckets);
  const rejects = metrics.counter("pilot_total_xds_rejects", "Responses that proxies rejected.");
  const rejectsOf = new Map(
    ["cds", "eds", "lds", "rds"].map((type) => [
      type,
      metrics.counter(`pilot_xds_${type}_reject`, `Rejected responses of type ${type}.`),
    ]),
  );
  const convergence = metrics.histogram(
    "pilot_proxy_convergence_time",
    "Seconds between a change and a proxy's having been given all of it.",
    smallBuckets,
  );
  const queueTime = metrics.histogram(
    "pilot_proxy_queue_time",
    "Seconds a proxy waited in the push queue.",
    smallBuckets,
  );
  const debounceTime = metrics.histogram(
    "pilot_debounce_time",
    "Seconds between the first change of a push and the push.",
    secondsBuckets,
  );
  const triggers = metrics.counter("pilot_push_triggers", "Pushes by their reason.");
  const inbound = metrics.counter("pilot_inbound_updates", "Updates received by pilot.");
  const rejectedConfigs = metrics.counter(
    "pilot_total_rejected_configs",
    "Configuration that pilot had to reject or leave out, as proxies would reject it.",
  );
  const snapshotTime = metrics.histogram(
    "pilot_pushcontext_init_seconds",
    "Seconds to build a snapshot of the mesh.",
    smallBuckets,
  );
  const propagationTime = metrics.histogram(
    "pilot_propagation_seconds",
    "Seconds from a change of an object to the last answer of a proxy that it reached, by the object's kind.",
    smallBuckets,
  );
  const translationTime = metrics.histogram(
    "weft_translation_seconds",
    "Seconds to translate what proxies with equal views see.",
    smallBuckets,
  );
  const jwksFetched = metrics.counter("pilot_jwks_resolver_network_fetch_success_total", "Key sets fetched.");
  const jwksFailed = metrics.counter(
    "pilot_jwks_resolver_network_fetch_fail_total",
    "Key sets that could not be fetched.",
  );
  return {
    onJwksFetch: (succeeded) => (succeeded ? jwksFetched : jwksFailed).add(1),
    observer: {
      onSourceEvent: (kind) => inbound.add(1, { type: kind === "endpoint" ? "eds" : "config" }),
      onGathered: ({ changes, waitedMs }) => {
        debounceTime.record(waitedMs / 1000);
        if (changes > 0) triggers.add(1, { type: "config" });
      },
      onSnapshot: (_snapshot, buildMs) => snapshotTime.record(buildMs / 1000),
      onRejected: (problems) => rejectedConfigs.add(problems),
      onPropagated: ({ object, ms }) => propagationTime.record(ms / 1000, { kind: object.kind }),
      onTranslated: (workMs) => translationTime.record(workMs / 1000),
      onPush: (proxy, { workMs, queuedMs }) => {
        queueTime.record(queuedMs / 1000);
        if (proxy.changedAt !== undefined) convergence.record((clock.monotonic() - proxy.changedAt) / 1000);
        pushTime.record(workMs / 1000, { type: "all" });
      },
    },
    onXdsEvent: (event) => {
      if (event.kind === "connected") triggers.add(1, { type: "proxy" });
      if (event.kind === "sent") {
        const type = shortTypeName(event.typeUrl);
        pushes.add(1, { type });
        size.record(event.bytes, { type });
        const proxy = engine().proxies.of(event.connection);
        if (proxy !== undefined) pushTime.record((clock.monotonic() - proxy.pushedAt) / 1000, { type });
      }
      if (event.kind === "flushed") sendTime.record(event.ms / 1000, { type: shortTypeName(event.typeUrl) });
      if (event.kind === "nacked") {
        const type = shortTypeName(event.typeUrl);
        rejects.add(1, { type });
        rejectsOf.get(type)?.add(1, { node: event.connection.node.id });
      }
    },
    text: async () => {
      const text = await metrics.text();
      eventLoop.reset();
      return text;
    },
    close: () => metrics.close(),
  };
}

function observeState(metrics: Metrics, options: PilotMetricsOptions, startedAt: number): void {
  const { version, clock, engine, eventLoop, cache } = options;
  const gauge = (name: string, help: string, read: () => number) =>
    metrics.observedGauge(name, help, (report) => report(read()));
  metrics.observedGauge("pilot_info", "Pilot version and build information.", (report) =>
    report(1, { version }),
  );
  metrics.observedGauge("pilot_xds", "Proxies connected by xDS.", (report) => {
    const counts = new Map<string, number>();
    for (const { node } of engine().proxies.all) {
      const known = node.istioVersion ?? "unknown";
      counts.set(known, (counts.get(known) ?? 0) + 1);
    }
    if (counts.size === 0) report(0, { version: "unknown" });
    for (const [known, count] of counts) report(count, { version: known });
  });
  gauge("pilot_services", "Services known to pilot.", () => engine().snapshot()?.services.all.length ?? 0);
  gauge(
    "pilot_virt_services",
    "Virtual services known to pilot.",
    () => engine().snapshot()?.configs.virtualServices.length ?? 0,
  );
  gauge("istiod_uptime_seconds", "Seconds since the start.", () => (clock.monotonic() - startedAt) / 1000);
  gauge(
    "weft_event_loop_held_max_seconds",
    "Longest time the event loop was held since the last scrape.",
    () => eventLoop.maxMs() / 1000,
  );
  metrics.observedCounter("xds_cache_reads", "Looks for a kept response.", (report) => {
    const { hits, misses } = cache().stats();
    report(hits, { type: "hit" });
    report(misses, { type: "miss" });
  });
  metrics.observedCounter("xds_cache_evictions", "Kept responses that gave way to others.", (report) =>
    report(cache().stats().evictions),
  );
  gauge("xds_cache_size", "Responses that are kept.", () => cache().stats().entries);
  let counted: { readonly of: MeshSnapshot; readonly counts: ReturnType<typeof countMesh> } | undefined;
  const counts = (of: MeshSnapshot) => {
    if (counted?.of !== of) counted = { of, counts: countMesh(of) };
    return counted.counts;
  };
  for (const [name, help] of Object.entries(meshCountHelp) as [MeshCount, string][])
    gauge(name, help, () => {
      const snapshot = engine().snapshot();
      return snapshot === undefined ? 0 : counts(snapshot)[name];
    });
}
