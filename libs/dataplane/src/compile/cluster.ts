import { typeNameOf } from "@weft/envoy-api";
import type { CircuitBreakers } from "@weft/envoy-api/envoy/config/cluster/v3/circuit_breaker_pb.js";
import {
  type Cluster,
  type Cluster_CustomClusterType,
  Cluster_DiscoveryType,
  type Cluster_RefreshRate,
  ClusterSchema,
} from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { RoutingPriority } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import { ClusterConfigSchema as DynamicForwardProxySchema } from "@weft/envoy-api/envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb.js";
import {
  type HttpProtocolOptions,
  HttpProtocolOptionsSchema,
} from "@weft/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import type { CircuitBreakerLimits, ClusterConfig, Discovery } from "../runtime/cluster-config.ts";
import { defaultHttp2Settings } from "../runtime/http2-settings.ts";
import { checkFields } from "./check-fields.ts";
import { compileDnsCache } from "./dns-cache.ts";
import { familyOf } from "./dns-family.ts";
import { compileAssignment, filterMetadata } from "./endpoints.ts";
import { compileHttp2 } from "./http2-options.ts";
import { compileLoadBalancer, compileSubsets } from "./load-balancer.ts";
import { compileOutlierDetection } from "./outlier-detection.ts";
import { type Compiled, compiled, Problems } from "./problems.ts";
import type { TransportEnvironment } from "./tls/environment.ts";
import { compileUpstreamTransport } from "./transport-socket.ts";
import { durationMs, reportUnknownExtension, unpackAs, versionOf } from "./values.ts";

const httpProtocolOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** Compiles a cluster, with Envoy's defaults where the message says nothing. */
export function compileCluster(message: Cluster, environment: TransportEnvironment): Compiled<ClusterConfig> {
  const problems = new Problems();
  problems.add(checkFields(ClusterSchema, message));
  for (const [index, filter] of message.filters.entries()) {
    reportUnknownExtension(
      problems,
      `filters[${index}]`,
      { name: filter.name, typeUrl: filter.typedConfig?.typeUrl },
      ["(no upstream filters)"],
    );
  }
  const http = compileHttpOptions(message, problems);
  const discovery = compileDiscovery(message, environment, problems);
  const common = message.commonLbConfig;
  const subsets = compileSubsets(message.lbSubsetConfig);
  const keepAlive = message.upstreamConnectionOptions?.tcpKeepalive;
  const bindAddress = message.upstreamBindConfig?.sourceAddress?.address;
  const outlierDetection = message.outlierDetection && compileOutlierDetection(message.outlierDetection);
  if (discovery === undefined) return { problems: problems.list };
  const observabilityName = message.altStatName === "" ? message.name : message.altStatName;
  const transport = compileUpstreamTransport(message, {
    scope: environment.stats.scope(`cluster.${observabilityName}`),
    // Where no time is given, the system's own.
    raw: keepAlive === undefined ? {} : { keepAliveMs: (keepAlive.keepaliveTime ?? 0) * 1000 },
    environment,
    problems,
  });
  return compiled(
    {
      name: message.name,
      observabilityName,
      metadata: filterMetadata(message.metadata),
      version: versionOf(ClusterSchema, message),
      discovery,
      loadBalancer: compileLoadBalancer(message, problems),
      ...(subsets !== undefined && { subsets }),
      localityWeighted: common?.localityConfigSpecifier.case === "localityWeightedLbConfig",
      panicThreshold: common?.healthyPanicThreshold?.value ?? 50,
      failTrafficOnPanic: false,
      connectTimeoutMs: durationMs(message.connectTimeout, 5000),
      ...http,
      limits: compileLimits(message.circuitBreakers),
      ...(outlierDetection !== undefined && { outlierDetection }),
      transport: transport.transport,
      secrets: transport.secrets,
      tlsMaterials: transport.materials,
      ...(bindAddress !== undefined && bindAddress !== "" && { bindAddress }),
    },
    problems,
  );
}

/** The kinds of clusters that are compiled in beside the plain ones, as Envoy lists them. */
export const clusterTypeNames = ["envoy.clusters.dynamic_forward_proxy"] as const;

function compileCustomType(
  { name, typedConfig }: Cluster_CustomClusterType,
  cluster: Cluster,
  environment: TransportEnvironment,
  problems: Problems,
): Discovery | undefined {
  const typeName = typeNameOf(typedConfig?.typeUrl ?? "");
  if (typeName !== DynamicForwardProxySchema.typeName) {
    reportUnknownExtension(
      problems,
      "cluster_type",
      { name, typeUrl: typedConfig?.typeUrl },
      clusterTypeNames,
    );
    return undefined;
  }
  const path = "cluster_type.typed_config";
  const config = unpackAs(DynamicForwardProxySchema, typedConfig, path, problems);
  if (config === undefined) return undefined;
  const { clusterImplementationSpecifier: specifier } = config;
  const message = specifier.case === "dnsCacheConfig" ? specifier.value : undefined;
  const cache = compileDnsCache(message, `${path}.dns_cache_config`, environment.dnsCaches, problems);
  const isSecure =
    cluster.transportSocket !== undefined &&
    cluster.transportSocket.name !== "envoy.transport_sockets.raw_buffer";
  return cache && { kind: "dynamic", cache, defaultPort: isSecure ? 443 : 80 };
}

function compileDiscovery(
  message: Cluster,
  environment: TransportEnvironment,
  problems: Problems,
): Discovery | undefined {
  const { clusterDiscoveryType: specifier } = message;
  if (specifier.case === "clusterType")
    return compileCustomType(specifier.value, message, environment, problems);
  const type = specifier.value ?? Cluster_DiscoveryType.STATIC;
  const endpoints = () =>
    message.loadAssignment === undefined
      ? { localities: [], overprovisioningPercent: 140 }
      : compileAssignment(message.loadAssignment, "load_assignment.", problems);
  switch (type) {
    case Cluster_DiscoveryType.STATIC:
      return { kind: "static", endpoints: endpoints() };
    case Cluster_DiscoveryType.EDS: {
      const eds = message.edsClusterConfig;
      if (eds === undefined) {
        problems.error("eds_cluster_config", "missing", "a cluster of type EDS needs it");
      }
      return {
        kind: "eds",
        serviceName: eds === undefined || eds.serviceName === "" ? message.name : eds.serviceName,
        initialFetchTimeoutMs: durationMs(eds?.edsConfig?.initialFetchTimeout, 15_000),
      };
    }
    case Cluster_DiscoveryType.STRICT_DNS:
    case Cluster_DiscoveryType.LOGICAL_DNS:
      return {
        kind: "dns",
        endpoints: endpoints(),
        mode: type === Cluster_DiscoveryType.STRICT_DNS ? "strict" : "logical",
        refreshMs: durationMs(message.dnsRefreshRate, 5000),
        jitterMs: durationMs(message.dnsJitter, 0),
        ...failureRefreshOf(message.dnsFailureRefreshRate),
        family: familyOf(message.dnsLookupFamily),
      };
    case Cluster_DiscoveryType.ORIGINAL_DST: {
      const portOverride =
        message.lbConfig.case === "originalDstLbConfig"
          ? message.lbConfig.value.upstreamPortOverride
          : undefined;
      return {
        kind: "original-dst",
        cleanupMs: durationMs(message.cleanupInterval, 5000),
        ...(portOverride !== undefined && { portOverride }),
      };
    }
    default:
      problems.error("type", "out-of-range", `is ${String(type)}, which is no discovery type`);
      return undefined;
  }
}

function failureRefreshOf(rate: Cluster_RefreshRate | undefined) {
  if (rate === undefined) return {};
  const baseMs = durationMs(rate.baseInterval, 1000);
  return { failureRefresh: { baseMs, maxMs: durationMs(rate.maxInterval, baseMs * 10) } };
}

function compileLimits(breakers: CircuitBreakers | undefined): CircuitBreakerLimits {
  // Limits of priority HIGH go unused: requests have one priority.
  const limits = breakers?.thresholds.find(({ priority }) => priority === RoutingPriority.DEFAULT);
  const budget = limits?.retryBudget;
  return {
    connection: limits?.maxConnections ?? 1024,
    pending: limits?.maxPendingRequests ?? 1024,
    request: limits?.maxRequests ?? 1024,
    retry: limits?.maxRetries ?? 3,
    ...(budget !== undefined && {
      retryBudget: { percent: budget.budgetPercent?.value ?? 20, minimum: budget.minRetryConcurrency ?? 3 },
    }),
  };
}

type HttpConfig = Pick<ClusterConfig, "protocol" | "http2" | "maxRequestsPerConnection" | "idleTimeoutMs">;

const defaultIdleTimeoutMs = 3_600_000;

function compileHttpOptions(message: Cluster, problems: Problems): HttpConfig {
  const present = Object.entries(message.typedExtensionProtocolOptions);
  let options: HttpProtocolOptions | undefined;
  for (const [name, any] of present) {
    const path = `typed_extension_protocol_options.${name}`;
    if (name === httpProtocolOptions) options = unpackAs(HttpProtocolOptionsSchema, any, path, problems);
    else reportUnknownExtension(problems, path, { name, typeUrl: any.typeUrl }, [httpProtocolOptions]);
  }
  const common = options?.commonHttpProtocolOptions;
  return {
    ...protocolOf(message, options),
    maxRequestsPerConnection: common?.maxRequestsPerConnection ?? message.maxRequestsPerConnection ?? 0,
    idleTimeoutMs: durationMs(common?.idleTimeout, defaultIdleTimeoutMs),
  };
}

function protocolOf(
  message: Cluster,
  options: HttpProtocolOptions | undefined,
): Pick<ClusterConfig, "protocol" | "http2"> {
  const upstream = options?.upstreamProtocolOptions;
  switch (upstream?.case) {
    case "useDownstreamProtocolConfig":
      return { protocol: "downstream", http2: compileHttp2(upstream.value.http2ProtocolOptions) };
    case "autoConfig":
      return { protocol: "auto", http2: compileHttp2(upstream.value.http2ProtocolOptions) };
    case "explicitHttpConfig": {
      const { protocolConfig } = upstream.value;
      return protocolConfig.case === "http2ProtocolOptions"
        ? { protocol: "http2", http2: compileHttp2(protocolConfig.value) }
        : { protocol: "http1", http2: defaultHttp2Settings };
    }
    default:
      return {
        protocol: message.http2ProtocolOptions === undefined ? "http1" : "http2",
        http2: compileHttp2(message.http2ProtocolOptions),
      };
  }
}
