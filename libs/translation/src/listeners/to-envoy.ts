import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { TrafficDirection } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import type {
  FilterChainMatchSchema,
  FilterChainSchema,
  ListenerFilterChainMatchPredicateSchema,
  ListenerFilterSchema,
} from "@weft/envoy-api/envoy/config/listener/v3/listener_components_pb.js";
import {
  type Listener as EnvoyListener,
  ListenerSchema,
} from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { HttpInspectorSchema } from "@weft/envoy-api/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js";
import { OriginalDstSchema } from "@weft/envoy-api/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js";
import { TlsInspectorSchema } from "@weft/envoy-api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js";
import { pack } from "../envoy/any.ts";
import { toDuration, toSocketAddress } from "../envoy/scalars.ts";
import { toDownstreamSocket } from "../envoy/server-tls.ts";
import type {
  ChainMatch,
  FilterChain,
  InspectedPorts,
  Inspectors,
  Listener,
  ProxyTraits,
} from "../ir/index.ts";
import { toNetworkFilters } from "../network-filters/index.ts";
import { toAccessLogs } from "../telemetry/to-envoy.ts";

type ListenerFilter = MessageInitShape<typeof ListenerFilterSchema>;
type Predicate = MessageInitShape<typeof ListenerFilterChainMatchPredicateSchema>;

function portPredicate(port: number): Predicate {
  return { rule: { case: "destinationPortRange", value: { start: port, end: port + 1 } } };
}

function anyOf(ports: readonly number[]): Predicate {
  const [first, ...others] = ports;
  // an `or` takes two rules at least
  return first !== undefined && others.length === 0
    ? portPredicate(first)
    : { rule: { case: "orMatch", value: { rules: ports.map(portPredicate) } } };
}

/** Turns an inspector off on the ports that do without it. */
function disabledOn(ports: InspectedPorts): Pick<ListenerFilter & object, "filterDisabled"> {
  if (ports.kind === "only")
    return { filterDisabled: { rule: { case: "notMatch", value: anyOf(ports.ports) } } };
  return ports.ports.length === 0 ? {} : { filterDisabled: anyOf(ports.ports) };
}

/** Listener filters in the order they must run: the destination first, then TLS, whose end HTTP looks behind. */
function toListenerFilters(inspectors: Inspectors): ListenerFilter[] {
  const filters: ListenerFilter[] = [];
  if (inspectors.originalDestination)
    filters.push({
      name: "envoy.filters.listener.original_dst",
      configType: { case: "typedConfig", value: pack(OriginalDstSchema) },
    });
  if (inspectors.tls)
    filters.push({
      name: "envoy.filters.listener.tls_inspector",
      // Most handshakes fit; the buffer grows where one does not.
      configType: { case: "typedConfig", value: pack(TlsInspectorSchema, { initialReadBufferSize: 512 }) },
      ...disabledOn(inspectors.tls),
    });
  if (inspectors.http)
    filters.push({
      name: "envoy.filters.listener.http_inspector",
      configType: { case: "typedConfig", value: pack(HttpInspectorSchema) },
      ...disabledOn(inspectors.http),
    });
  return filters;
}

function toChainMatch(match: ChainMatch): MessageInitShape<typeof FilterChainMatchSchema> {
  return {
    ...(match.destinationPort === undefined ? {} : { destinationPort: match.destinationPort }),
    transportProtocol: match.transport ?? "",
    applicationProtocols: [...(match.applicationProtocols ?? [])],
    serverNames: [...(match.serverNames ?? [])],
    prefixRanges: (match.prefixRanges ?? []).map(({ address, length }) => ({
      addressPrefix: address,
      prefixLen: length,
    })),
  };
}

function toFilterChain(
  chain: FilterChain,
  handshakeTimeout: boolean,
  traits: ProxyTraits,
): MessageInitShape<typeof FilterChainSchema> {
  return {
    name: chain.name ?? "",
    ...(chain.match ? { filterChainMatch: toChainMatch(chain.match) } : {}),
    filters: toNetworkFilters(chain.filter, traits),
    ...(chain.tls ? { transportSocket: toDownstreamSocket(chain.tls, traits) } : {}),
    ...(handshakeTimeout ? { transportSocketConnectTimeout: toDuration(15_000) } : {}),
  };
}

/** Envoy's Listener. */
export function toListener(listener: Listener, traits: ProxyTraits): EnvoyListener {
  const handshakeTimeout = listener.role !== "virtual" && listener.direction === "outbound";
  // What falls through (by a match of nothing) belongs to no service, and has no time limit of its own.
  const timesDefault = handshakeTimeout && listener.defaultChain?.match === undefined;
  const ownSocket = listener.bindToPort;
  const sniffs = listener.role !== "gateway" && !listener.useOriginalDestination;
  return create(ListenerSchema, {
    name: listener.name,
    address: toSocketAddress(listener.address, listener.port),
    trafficDirection: listener.direction === "inbound" ? TrafficDirection.INBOUND : TrafficDirection.OUTBOUND,
    ...(ownSocket ? {} : { bindToPort: false }),
    // One connection for each turn of the event loop: under load, workers share more evenly.
    ...(ownSocket ? { maxConnectionsToAcceptPerSocketEvent: 1 } : {}),
    ...(listener.useOriginalDestination ? { useOriginalDst: true } : {}),
    ...(listener.transparent ? { transparent: true } : {}),
    listenerFilters: toListenerFilters(listener.inspectors),
    // Protocol detection never times out: a server that speaks first must not lose its connection.
    ...(sniffs ? { listenerFiltersTimeout: toDuration(0), continueOnListenerFiltersTimeout: true } : {}),
    accessLog: toAccessLogs(
      traits.telemetry[listener.direction === "inbound" ? "server" : "client"].accessLogs,
      "listener",
    ),
    filterChains: listener.chains.map((chain) => toFilterChain(chain, handshakeTimeout, traits)),
    ...(listener.defaultChain
      ? { defaultFilterChain: toFilterChain(listener.defaultChain, timesDefault, traits) }
      : {}),
  });
}
