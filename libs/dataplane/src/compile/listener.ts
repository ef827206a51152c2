import { TrafficDirection as TrafficDirectionMessage } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import {
  FilterChainMatch_ConnectionSourceType,
  type FilterChainMatch as FilterChainMatchMessage,
  type FilterChain as FilterChainMessage,
  FilterChainSchema,
} from "@weft/envoy-api/envoy/config/listener/v3/listener_components_pb.js";
import { type Listener, ListenerSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { findEqualMatches } from "../listener/index.ts";
import type { SocketAddress, TrafficDirection } from "../runtime/connection.ts";
import type { FilterChain, FilterChainMatch, ListenerConfig } from "../runtime/listener-config.ts";
import type { StatsScope } from "../runtime/stats.ts";
import type { SecretRef, TlsMaterial } from "../tls/index.ts";
import { compileAccessLogs } from "./access-log.ts";
import { checkFields } from "./check-fields.ts";
import type { CompileEnvironment } from "./environment.ts";
import type { RdsReference } from "./http-connection-manager.ts";
import { compileListenerFilter } from "./listener-filters.ts";
import { compileNetworkFilters } from "./network-filters.ts";
import { type Compiled, compiled, Problems } from "./problems.ts";
import { compileDownstreamTransport } from "./transport-socket.ts";
import { compileAddress, compileRanges, durationMs, versionOf } from "./values.ts";

/** Envoy's time for inspection where none is given. */
const defaultInspectionMs = 15_000;

/** Compiles a listener with all its filter chains. */
export function compileListener(
  message: Listener,
  environment: CompileEnvironment,
): Compiled<ListenerConfig> {
  const problems = new Problems();
  problems.add(checkFields(ListenerSchema, message));
  const rds: RdsReference[] = [];
  const secrets = new Map<string, SecretRef>();
  const tlsMaterials: (() => TlsMaterial)[] = [];
  const addresses = compileAddresses(message, problems);
  const statPrefix = message.statPrefix === "" ? addressText(addresses) : message.statPrefix;
  const scope = environment.stats.scope(`listener.${statPrefix}`);
  const compileChain = (chain: FilterChainMessage, path: string) => {
    const built = compileFilterChain(chain, path, { scope, environment, problems });
    rds.push(...(built?.rds ?? []));
    tlsMaterials.push(...(built?.materials ?? []));
    for (const secret of built?.secrets ?? []) secrets.set(secret.key, secret);
    return built?.chain;
  };
  const chains = message.filterChains.map((chain, index) => compileChain(chain, `filter_chains[${index}]`));
  const defaultChain =
    message.defaultFilterChain && compileChain(message.defaultFilterChain, "default_filter_chain");
  const filterChains = chains.filter((chain) => chain !== undefined);
  if (filterChains.length === 0 && defaultChain === undefined && !problems.failed) {
    problems.error("filter_chains", "missing", "a listener needs at least one filter chain");
  }
  for (const [first, second] of findEqualMatches(filterChains)) {
    problems.error(
      `filter_chains[${chains.indexOf(second)}]`,
      "duplicate-match",
      `has the same matching rules as filter_chains[${chains.indexOf(first)}]`,
    );
  }
  const accessLogs = compileAccessLogs(message.accessLog, "access_log", environment, problems);
  return compiled(
    {
      name: message.name === "" ? addressText(addresses) : message.name,
      version: versionOf(ListenerSchema, message),
      addresses,
      bindToPort: message.bindToPort ?? message.deprecatedV1?.bindToPort ?? true,
      direction: directionOf(message.trafficDirection),
      useOriginalDst: message.useOriginalDst ?? false,
      listenerFilters: message.listenerFilters.flatMap((filter, index) =>
        compileListenerFilter(filter, `listener_filters[${index}]`, problems),
      ),
      listenerFiltersTimeoutMs: durationMs(message.listenerFiltersTimeout, defaultInspectionMs),
      continueOnTimeout: message.continueOnListenerFiltersTimeout,
      filterChains,
      ...(defaultChain !== undefined && { defaultFilterChain: defaultChain }),
      statPrefix,
      // What the kernel allows at most, unless told.
      backlog: message.tcpBacklogSize ?? 4096,
      routeNames: [...new Set(rds.map(({ name }) => name))],
      routesTimeoutMs: rds.some(({ initialFetchTimeoutMs }) => initialFetchTimeoutMs === 0)
        ? 0
        : Math.max(0, ...rds.map(({ initialFetchTimeoutMs }) => initialFetchTimeoutMs)),
      secrets: [...secrets.values()],
      tlsMaterials,
      accessLogs,
    },
    problems,
  );
}

function compileAddresses(message: Listener, problems: Problems): readonly SocketAddress[] {
  const all = [
    compileAddress(message.address, "address", problems),
    ...message.additionalAddresses.map(({ address }, index) =>
      compileAddress(address, `additional_addresses[${index}].address`, problems),
    ),
  ];
  return all.filter((address) => address !== undefined);
}

function addressText([first]: readonly SocketAddress[]): string {
  if (first === undefined) return "";
  return first.address.includes(":") ? `[${first.address}]_${first.port}` : `${first.address}_${first.port}`;
}

function directionOf(direction: TrafficDirectionMessage): TrafficDirection {
  switch (direction) {
    case TrafficDirectionMessage.INBOUND:
      return "inbound";
    case TrafficDirectionMessage.OUTBOUND:
      return "outbound";
    default:
      return "unspecified";
  }
}

function compileFilterChain(
  message: FilterChainMessage,
  path: string,
  options: {
    readonly scope: StatsScope;
    readonly environment: CompileEnvironment;
    readonly problems: Problems;
  },
):
  | {
      readonly chain: FilterChain;
      readonly rds: readonly RdsReference[];
      readonly secrets: readonly SecretRef[];
      readonly materials: readonly (() => TlsMaterial)[];
    }
  | undefined {
  const { environment, problems } = options;
  const secured = compileDownstreamTransport(message.transportSocket, `${path}.transport_socket`, options);
  const filters = compileNetworkFilters(message.filters, `${path}.filters`, environment, problems);
  if (filters === undefined) return undefined;
  return {
    rds: filters.rds,
    secrets: secured?.secrets ?? [],
    materials: secured?.materials ?? [],
    chain: {
      name: message.name,
      version: versionOf(FilterChainSchema, message),
      match: compileMatch(message.filterChainMatch, `${path}.filter_chain_match`, problems),
      ...(secured !== undefined && { transport: secured.transport }),
      handshakeTimeoutMs: durationMs(message.transportSocketConnectTimeout, 0),
      serve: filters.serve,
    },
  };
}

function compileMatch(
  message: FilterChainMatchMessage | undefined,
  path: string,
  problems: Problems,
): FilterChainMatch {
  const destinationPort = message?.destinationPort;
  const serverNames = message?.serverNames.map((name) => name.toLowerCase()) ?? [];
  for (const [index, name] of serverNames.entries()) {
    if (/\*/.test(name.replace(/^\*\./, ""))) {
      problems.error(
        `${path}.server_names[${index}]`,
        "invalid-wildcard",
        `"${name}" is a partial wildcard, allowed are names and suffixes as *.example.com`,
      );
    }
  }
  return {
    ...(destinationPort !== undefined && { destinationPort }),
    destinationPrefixes: compileRanges(message?.prefixRanges ?? []),
    serverNames,
    transportProtocol: message?.transportProtocol ?? "",
    applicationProtocols: message?.applicationProtocols ?? [],
    directSourcePrefixes: compileRanges(message?.directSourcePrefixRanges ?? []),
    sourceType: sourceTypeOf(message?.sourceType),
    sourcePrefixes: compileRanges(message?.sourcePrefixRanges ?? []),
    sourcePorts: message?.sourcePorts ?? [],
  };
}

function sourceTypeOf(
  type: FilterChainMatch_ConnectionSourceType | undefined,
): FilterChainMatch["sourceType"] {
  switch (type) {
    case FilterChainMatch_ConnectionSourceType.SAME_IP_OR_LOOPBACK:
      return "local";
    case FilterChainMatch_ConnectionSourceType.EXTERNAL:
      return "external";
    default:
      return "any";
  }
}
