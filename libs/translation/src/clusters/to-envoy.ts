import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { assertNever } from "@weft/base";
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  type Cluster_SlowStartConfigSchema,
  ClusterSchema,
} from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterConfigSchema } from "@weft/envoy-api/envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb.js";
import { CaresDnsResolverConfigSchema } from "@weft/envoy-api/envoy/extensions/network/dns_resolver/cares/v3/cares_dns_resolver_pb.js";
import { HttpProtocolOptionsSchema } from "@weft/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";
import { toLoadAssignment } from "../endpoints/to-envoy.ts";
import { pack, typeUrlOf } from "../envoy/any.ts";
import { ads } from "../envoy/config-source.ts";
import { toDnsCache, toLookupFamily } from "../envoy/dns-cache.ts";
import { backendMetadata } from "../envoy/metadata.ts";
import { withProxyProtocol } from "../envoy/proxy-protocol.ts";
import { defined, toDuration } from "../envoy/scalars.ts";
import { rawBuffer, toUpstreamSockets } from "../envoy/tls.ts";
import { meshProtocols } from "../http-filters/alpn.ts";
import type { Backend, Limits, LoadBalancing, OutlierDetection, ProxyTraits, Warmup } from "../ir/index.ts";
import { tcpMetadataExchange } from "../network-filters/metadata-exchange.ts";

type ClusterInit = Exclude<MessageInitShape<typeof ClusterSchema>, Cluster>;

const httpOptionsKey = typeUrlOf(HttpProtocolOptionsSchema).replace("type.googleapis.com/", "");

/** Longest life of an ORIGINAL_DST host that Envoy's duration rule allows: it is never cleaned up. */
const keepForever = 9_223_372_035_000;

/** Whether the certificate must have the name of the host that was asked for. */
function verifiesHost(tls: Backend["tls"]): boolean {
  return tls?.kind !== "custom" || (!tls.insecureSkipVerify && tls.subjectAltNames.length === 0);
}

function discoveryFields({ name, discovery, tls }: Backend): ClusterInit {
  const type = (value: Cluster_DiscoveryType) => ({ clusterDiscoveryType: { case: "type" as const, value } });
  switch (discovery.kind) {
    case "eds":
      return {
        ...type(Cluster_DiscoveryType.EDS),
        edsClusterConfig: { edsConfig: ads, serviceName: name },
      };
    case "static":
      return {
        ...type(Cluster_DiscoveryType.STATIC),
        ...(discovery.endpoints.length === 0
          ? {}
          : { loadAssignment: toLoadAssignment(name, discovery.endpoints) }),
      };
    case "dns":
      return {
        ...type(
          discovery.mode === "strict" ? Cluster_DiscoveryType.STRICT_DNS : Cluster_DiscoveryType.LOGICAL_DNS,
        ),
        loadAssignment: toLoadAssignment(name, discovery.endpoints),
        dnsLookupFamily: toLookupFamily(discovery.family),
        dnsRefreshRate: toDuration(discovery.refreshMs),
        dnsJitter: toDuration(100),
        respectDnsTtl: true,
        typedDnsResolverConfig: {
          name: "envoy.network.dns_resolver.cares",
          typedConfig: pack(CaresDnsResolverConfigSchema, { udpMaxQueries: 100 }),
        },
      };
    case "dynamic-dns":
      return {
        clusterDiscoveryType: {
          case: "clusterType",
          value: {
            name: "envoy.clusters.dynamic_forward_proxy",
            typedConfig: pack(ClusterConfigSchema, {
              clusterImplementationSpecifier: {
                case: "dnsCacheConfig",
                value: toDnsCache(discovery.cache),
              },
              // Without this, Envoy insists on verifying who answers.
              allowInsecureClusterOptions: !verifiesHost(tls),
            }),
          },
        },
      };
    case "original-destination":
      return {
        ...type(Cluster_DiscoveryType.ORIGINAL_DST),
        ...(discovery.keepHosts ? { cleanupInterval: toDuration(keepForever) } : {}),
      };
    default:
      return assertNever(discovery);
  }
}

function toSlowStart({
  windowMs,
  aggression,
  minimumPercent,
}: Warmup): MessageInitShape<typeof Cluster_SlowStartConfigSchema> {
  return {
    slowStartWindow: toDuration(windowMs),
    ...(aggression === undefined
      ? {}
      : { aggression: { defaultValue: aggression, runtimeKey: "upstream.slow_start.aggression" } }),
    ...(minimumPercent === undefined ? {} : { minWeightPercent: { value: minimumPercent } }),
  };
}

function toThresholds({ retryBudget, ...limits }: Limits) {
  if (retryBudget === undefined) return limits;
  const { percent, minConcurrency, intervalMs } = retryBudget;
  return {
    ...limits,
    retryBudget: {
      budgetPercent: { value: percent },
      minRetryConcurrency: minConcurrency,
      ...(intervalMs === undefined ? {} : { budgetInterval: toDuration(intervalMs) }),
    },
  };
}

function loadBalancingFields(lb: LoadBalancing): ClusterInit {
  switch (lb.kind) {
    case "least-request":
      return {
        lbPolicy: Cluster_LbPolicy.LEAST_REQUEST,
        ...(lb.warmup
          ? { lbConfig: { case: "leastRequestLbConfig", value: { slowStartConfig: toSlowStart(lb.warmup) } } }
          : {}),
      };
    case "round-robin":
      return {
        lbPolicy: Cluster_LbPolicy.ROUND_ROBIN,
        ...(lb.warmup
          ? { lbConfig: { case: "roundRobinLbConfig", value: { slowStartConfig: toSlowStart(lb.warmup) } } }
          : {}),
      };
    case "random":
      return { lbPolicy: Cluster_LbPolicy.RANDOM };
    case "provided":
      return { lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED };
    case "ring-hash":
      return {
        lbPolicy: Cluster_LbPolicy.RING_HASH,
        lbConfig: { case: "ringHashLbConfig", value: { minimumRingSize: BigInt(lb.minimumRingSize) } },
      };
    case "maglev":
      return {
        lbPolicy: Cluster_LbPolicy.MAGLEV,
        ...(lb.tableSize === undefined
          ? {}
          : { lbConfig: { case: "maglevLbConfig", value: { tableSize: BigInt(lb.tableSize) } } }),
      };
    default:
      return assertNever(lb);
  }
}

function toOutlierDetection(o: OutlierDetection): NonNullable<ClusterInit["outlierDetection"]> {
  // Success-rate ejection is off: it is not part of Istio's API, and Envoy has it on by default.
  return defined({
    consecutive5xx: o.consecutive5xx,
    enforcingConsecutive5xx: o.consecutive5xx === undefined ? undefined : o.consecutive5xx > 0 ? 100 : 0,
    consecutiveGatewayFailure: o.consecutiveGatewayErrors,
    enforcingConsecutiveGatewayFailure:
      o.consecutiveGatewayErrors === undefined ? undefined : o.consecutiveGatewayErrors > 0 ? 100 : 0,
    splitExternalLocalOriginErrors: o.splitLocalOriginErrors,
    consecutiveLocalOriginFailure: o.consecutiveLocalOriginFailures,
    enforcingConsecutiveLocalOriginFailure:
      o.consecutiveLocalOriginFailures === undefined
        ? undefined
        : o.consecutiveLocalOriginFailures > 0
          ? 100
          : 0,
    enforcingLocalOriginSuccessRate: o.consecutiveLocalOriginFailures === undefined ? undefined : 0,
    enforcingSuccessRate: 0,
    interval: o.intervalMs === undefined ? undefined : toDuration(o.intervalMs),
    baseEjectionTime: o.baseEjectionMs === undefined ? undefined : toDuration(o.baseEjectionMs),
    maxEjectionPercent: o.maxEjectionPercent,
  });
}

function toHttpProtocolOptions({
  discovery,
  http,
  tls,
}: Backend): MessageInitShape<typeof HttpProtocolOptionsSchema> | undefined {
  // A host that a request names is the one that must answer, in TLS; Envoy wants it said in plain text as well.
  const autoSni = discovery.kind === "dynamic-dns" || (tls?.kind === "custom" && tls.autoSni);
  if (http === undefined && (!autoSni || tls === undefined)) return undefined;
  const common = defined({
    idleTimeout: http?.idleTimeoutMs === undefined ? undefined : toDuration(http.idleTimeoutMs),
    maxRequestsPerConnection: http?.maxRequestsPerConnection,
    maxConnectionDuration:
      http?.maxConnectionDurationMs === undefined ? undefined : toDuration(http.maxConnectionDurationMs),
  });
  const { intervalMs, timeoutMs } = http?.keepalive ?? {};
  const http2 = defined({
    maxConcurrentStreams: http?.maxConcurrentStreams,
    connectionKeepalive:
      http?.keepalive &&
      defined({
        interval: intervalMs === undefined ? undefined : toDuration(intervalMs),
        // Envoy needs one.
        timeout: toDuration(timeoutMs ?? 20_000),
      }),
  });
  return {
    ...(Object.keys(common).length === 0 ? {} : { commonHttpProtocolOptions: common }),
    // The host asked for is the name sent in the handshake, and the one the certificate must have.
    ...(autoSni
      ? {
          upstreamHttpProtocolOptions: {
            autoSni: true,
            autoSanValidation: verifiesHost(tls),
          },
        }
      : {}),
    upstreamProtocolOptions:
      http?.protocol === "auto"
        ? {
            case: "useDownstreamProtocolConfig",
            value: { httpProtocolOptions: {}, http2ProtocolOptions: http2 },
          }
        : {
            case: "explicitHttpConfig",
            value: {
              protocolConfig:
                http?.protocol === "http2"
                  ? { case: "http2ProtocolOptions", value: http2 }
                  : { case: "httpProtocolOptions", value: {} },
            },
          },
  };
}

/** How connections are made: in TLS or not, and after a PROXY protocol header or not. */
function socketFields({ tls, proxyProtocol }: Backend, traits: ProxyTraits) {
  const sockets = tls ? toUpstreamSockets(tls, traits) : undefined;
  if (proxyProtocol === undefined) return sockets;
  if (sockets !== undefined && "transportSocketMatches" in sockets)
    return {
      transportSocketMatches: sockets.transportSocketMatches.map((match) => ({
        ...match,
        transportSocket: withProxyProtocol(match.transportSocket, proxyProtocol),
      })),
    };
  return { transportSocket: withProxyProtocol(sockets?.transportSocket ?? rawBuffer, proxyProtocol) };
}

function zoneAwareField({ minClusterSize }: NonNullable<Backend["zoneAware"]>) {
  const value = minClusterSize === undefined ? {} : { minClusterSize: BigInt(minClusterSize) };
  return { localityConfigSpecifier: { case: "zoneAwareLbConfig" as const, value } };
}

/** Envoy's Cluster for a backend. */
export function toCluster(backend: Backend, traits: ProxyTraits): Cluster {
  const offered = traits.setsFilterState ? meshProtocols(backend) : undefined;
  const known = backendMetadata(backend);
  const metadata = offered === undefined ? known : { ...known, alpn: offered };
  const { limits, outlierDetection, tcpKeepalive } = backend;
  const http = toHttpProtocolOptions(backend);
  // Backends of services carry common_lb_config; the fixed ones do not.
  const commonLb =
    known === undefined
      ? {}
      : {
          commonLbConfig: {
            ...(outlierDetection
              ? { healthyPanicThreshold: { value: outlierDetection.minHealthPercent } }
              : {}),
            ...(backend.localityWeighted
              ? { localityConfigSpecifier: { case: "localityWeightedLbConfig" as const, value: {} } }
              : {}),
            ...(backend.zoneAware ? zoneAwareField(backend.zoneAware) : {}),
          },
        };
  return create(ClusterSchema, {
    name: backend.name,
    // Envoy's stats use ":" as a separator; the ";" marks where Istio's stats tags end the name.
    altStatName: `${backend.name === "InboundPassthroughCluster" ? "PassthroughCluster" : backend.name};`,
    connectTimeout: toDuration(backend.connectTimeoutMs),
    ...discoveryFields(backend),
    ...loadBalancingFields(backend.loadBalancing),
    ...(limits ? { circuitBreakers: { thresholds: [toThresholds(limits)] } } : {}),
    ...commonLb,
    ...(outlierDetection ? { outlierDetection: toOutlierDetection(outlierDetection) } : {}),
    ...(http
      ? { typedExtensionProtocolOptions: { [httpOptionsKey]: pack(HttpProtocolOptionsSchema, http) } }
      : {}),
    ...(tcpKeepalive
      ? {
          upstreamConnectionOptions: {
            tcpKeepalive: defined({
              keepaliveProbes: tcpKeepalive.probes,
              keepaliveTime: tcpKeepalive.timeSeconds,
              keepaliveInterval: tcpKeepalive.intervalSeconds,
            }),
          },
        }
      : {}),
    ...(backend.sourceAddress === undefined
      ? {}
      : {
          upstreamBindConfig: {
            sourceAddress: {
              address: backend.sourceAddress,
              portSpecifier: { case: "portValue" as const, value: 0 },
            },
          },
        }),
    ...socketFields(backend, traits),
    ...(metadata ? { metadata: { filterMetadata: { istio: metadata } } } : {}),
    ...(backend.exchangesMetadata && traits.istioExtensions ? { filters: [tcpMetadataExchange] } : {}),
  });
}
