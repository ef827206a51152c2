import type { MessageInitShape } from "@bufbuild/protobuf";
import { OpenTelemetryConfigSchema } from "@weft/envoy-api/envoy/config/trace/v3/opentelemetry_pb.js";
import {
  ZipkinConfig_CollectorEndpointVersion,
  ZipkinConfigSchema,
} from "@weft/envoy-api/envoy/config/trace/v3/zipkin_pb.js";
import type { HttpConnectionManager_TracingSchema } from "@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { CustomTagSchema } from "@weft/envoy-api/envoy/type/tracing/v3/custom_tag_pb.js";
import { pack } from "../envoy/any.ts";
import { toDuration } from "../envoy/scalars.ts";
import type { HttpConnections, ProxyTraits, TraceTag, TracingProvider } from "../ir/index.ts";
import { tracerNames } from "../telemetry/extensions.ts";
import { toGrpcService } from "../telemetry/to-envoy.ts";

type Tag = MessageInitShape<typeof CustomTagSchema>;
type EnvoyTracing = Exclude<
  MessageInitShape<typeof HttpConnectionManager_TracingSchema>,
  { $typeName: string; $unknown?: unknown }
>;

/** What dry-run authorization policies would have decided, as the RBAC filter leaves it in metadata. */
const dryRun: readonly (readonly [tag: string, key: string])[] = [
  ["allow_policy.name", "allow_shadow_effective_policy_id"],
  ["allow_policy.result", "allow_shadow_engine_result"],
  ["deny_policy.name", "deny_shadow_effective_policy_id"],
  ["deny_policy.result", "deny_shadow_engine_result"],
];

const dryRunTags: readonly Tag[] = dryRun.map(([tag, key]) => ({
  tag: `istio.authorization.dry_run.${tag}`,
  type: {
    case: "metadata",
    value: {
      kind: { kind: { case: "request", value: {} } },
      metadataKey: {
        key: "envoy.filters.http.rbac",
        path: [{ segment: { case: "key", value: `istio_dry_run_${key}` } }],
      },
    },
  },
}));

function toTag({ name, source }: TraceTag): Tag {
  switch (source.kind) {
    case "literal":
      return { tag: name, type: { case: "literal", value: { value: source.value } } };
    case "environment":
      return {
        tag: name,
        type: { case: "environment", value: { name: source.name, defaultValue: source.defaultValue } },
      };
    case "header":
      return {
        tag: name,
        type: { case: "requestHeader", value: { name: source.name, defaultValue: source.defaultValue } },
      };
  }
}

/** Tags by which Istio tells workloads apart, in the order of their names. */
function istioTags(traits: ProxyTraits): Tag[] {
  const literals: readonly (readonly [string, string])[] = [
    ["canonical_revision", traits.canonicalRevision],
    ["canonical_service", traits.canonicalName],
    ["cluster_id", traits.clusterId],
    ["mesh_id", traits.meshId],
    ["namespace", traits.namespace],
  ];
  return [
    ...dryRunTags,
    // Envoy takes no empty tag.
    ...literals
      .filter(([, value]) => value !== "")
      .map(([name, value]): Tag => ({ tag: `istio.${name}`, type: { case: "literal", value: { value } } })),
  ];
}

function toTracer(
  provider: TracingProvider,
  { canonicalName, namespace }: ProxyTraits,
): NonNullable<EnvoyTracing["provider"]> {
  const tracer = (name: string, value: ReturnType<typeof pack>) => ({
    name,
    configType: { case: "typedConfig" as const, value },
  });
  if (provider.kind === "zipkin")
    return tracer(
      tracerNames[provider.kind],
      pack(ZipkinConfigSchema, {
        collectorCluster: provider.backend,
        collectorEndpoint: provider.path,
        collectorEndpointVersion: ZipkinConfig_CollectorEndpointVersion.HTTP_JSON,
        collectorHostname: provider.authority,
        traceId128bit: provider.traceId128Bit,
        sharedSpanContext: false,
      }),
    );
  const { http } = provider;
  return tracer(
    tracerNames[provider.kind],
    pack(OpenTelemetryConfigSchema, {
      serviceName: `${canonicalName}.${namespace}`,
      ...(http
        ? {
            httpService: {
              httpUri: {
                uri: `http://${provider.authority}${http.path}`,
                httpUpstreamType: { case: "cluster", value: provider.backend },
                timeout: toDuration(http.timeoutMs),
              },
              requestHeadersToAdd: http.headers.map(({ name: key, value }) => ({ header: { key, value } })),
            },
          }
        : { grpcService: toGrpcService(provider) }),
    }),
  );
}

/** What an HTTP connection manager traces, with which tags, and where spans go; undefined where it tells nothing. */
export function tracing(
  traits: ProxyTraits,
  direction: HttpConnections["direction"],
): EnvoyTracing | undefined {
  const settings = traits.telemetry[direction === "inbound" ? "server" : "client"].tracing;
  if (settings.disabled) return undefined;
  const { provider } = settings;
  const maxTagLength = provider?.kind === "open-telemetry" ? provider.maxTagLength : undefined;
  return {
    clientSampling: { value: 100 },
    randomSampling: { value: settings.randomSampling },
    overallSampling: { value: 100 },
    customTags: [...(settings.istioTags ? istioTags(traits) : []), ...settings.tags.map(toTag)],
    ...(maxTagLength === undefined ? {} : { maxPathTagLength: maxTagLength }),
    ...(provider ? { provider: toTracer(provider, traits) } : {}),
  };
}
