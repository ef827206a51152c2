import type { MessageInitShape } from "@bufbuild/protobuf";
import type { FilterSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_components_pb.js";
import { HttpConnectionManagerSchema } from "@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { FilterConfigSchema as SniFilterConfigSchema } from "@weft/envoy-api/envoy/extensions/filters/network/sni_dynamic_forward_proxy/v3/sni_dynamic_forward_proxy_pb.js";
import { TcpProxySchema } from "@weft/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import { pack } from "../envoy/any.ts";
import { toDnsCache } from "../envoy/dns-cache.ts";
import { toDuration } from "../envoy/scalars.ts";
import type { NetworkFilter, ProxyTraits, TcpForward } from "../ir/index.ts";
import { hostPort } from "../names.ts";
import { toStatsFilters } from "../telemetry/stats-filter.ts";
import { toAccessLogs } from "../telemetry/to-envoy.ts";
import { networkAuthorization } from "./authorization.ts";
import { networkExtensions } from "./extensions.ts";
import { toHttpConnectionManager } from "./http-connection-manager.ts";
import { tcpMetadataExchange } from "./metadata-exchange.ts";

type EnvoyFilter = MessageInitShape<typeof FilterSchema>;

function toTcpProxy(tcp: TcpForward, { telemetry }: ProxyTraits): EnvoyFilter {
  const [first, ...others] = tcp.destinations;
  return {
    name: "envoy.filters.network.tcp_proxy",
    configType: {
      case: "typedConfig",
      value: pack(TcpProxySchema, {
        statPrefix: tcp.statPrefix,
        clusterSpecifier:
          first !== undefined && others.length === 0
            ? { case: "cluster", value: first.backend }
            : {
                case: "weightedClusters",
                value: {
                  clusters: tcp.destinations.map(({ backend, weight }) => ({ name: backend, weight })),
                },
              },
        accessLog: toAccessLogs(telemetry[tcp.direction === "inbound" ? "server" : "client"].accessLogs),
        ...(tcp.hashBySource ? { hashPolicy: [{ policySpecifier: { case: "sourceIp", value: {} } }] } : {}),
        ...(tcp.tunnel
          ? {
              tunnelingConfig: {
                hostname: hostPort(tcp.tunnel.host, tcp.tunnel.port),
                usePost: tcp.tunnel.post,
              },
            }
          : {}),
        ...(tcp.idleTimeoutMs === undefined ? {} : { idleTimeout: toDuration(tcp.idleTimeoutMs) }),
      }),
    },
  };
}

/** Looks up the host that a handshake names. */
function toSniLookup({ cache, port }: NonNullable<TcpForward["lookup"]>): EnvoyFilter {
  return {
    name: "envoy.filters.network.sni_dynamic_forward_proxy",
    configType: {
      case: "typedConfig",
      value: pack(SniFilterConfigSchema, {
        dnsCacheConfig: toDnsCache(cache),
        portSpecifier: { case: "portValue", value: port },
      }),
    },
  };
}

function exchange(traits: ProxyTraits): EnvoyFilter[] {
  return traits.istioExtensions
    ? [
        {
          name: tcpMetadataExchange.name,
          configType: { case: "typedConfig", value: tcpMetadataExchange.typedConfig },
        },
      ]
    : [];
}

/** The network filters of a chain, in the order bytes pass them; the last one decides where they go. */
export function toNetworkFilters(filter: NetworkFilter, traits: ProxyTraits): EnvoyFilter[] {
  if (filter.kind === "http") {
    return [
      ...(filter.direction === "inbound"
        ? [
            ...exchange(traits),
            ...networkExtensions(filter, traits, "AUTHN", "AUTHZ", "STATS", "UNSPECIFIED"),
          ]
        : []),
      {
        name: "envoy.filters.network.http_connection_manager",
        configType: {
          case: "typedConfig",
          value: pack(HttpConnectionManagerSchema, toHttpConnectionManager(filter, traits)),
        },
      },
    ];
  }
  return [
    // before authorization, which may ask who the peer is
    ...(filter.exchangesMetadata ? exchange(traits) : []),
    ...networkExtensions(filter, traits, "AUTHN", "AUTHZ"),
    ...(filter.authorization ? networkAuthorization(filter.authorization) : []),
    ...networkExtensions(filter, traits, "STATS", "UNSPECIFIED"),
    ...toStatsFilters(filter.direction, traits),
    ...(filter.lookup ? [toSniLookup(filter.lookup)] : []),
    toTcpProxy(filter, traits),
  ];
}
