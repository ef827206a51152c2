import type { Message } from "@bufbuild/protobuf";
import { typeNameOf } from "@weft/envoy-api";
import type { Filter } from "@weft/envoy-api/envoy/config/listener/v3/listener_components_pb.js";
import type { ExtAuthz } from "@weft/envoy-api/envoy/extensions/filters/network/ext_authz/v3/ext_authz_pb.js";
import type { HttpConnectionManager } from "@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { RBAC } from "@weft/envoy-api/envoy/extensions/filters/network/rbac/v3/rbac_pb.js";
import type { TcpProxy } from "@weft/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import type { NetworkFilter, NetworkFilterLayer } from "../runtime/connection.ts";
import type { AccessLogger } from "../runtime/stream-info.ts";
import { connectionFilters } from "./connection-filters.ts";
import type { CompileEnvironment } from "./environment.ts";
import { compileHttpConnectionManager, type RdsReference } from "./http-connection-manager.ts";
import { istioStats } from "./istio-stats.ts";
import { compileNetworkExtAuthz } from "./network-ext-authz.ts";
import { compileNetworkRbac } from "./network-rbac.ts";
import type { Problems } from "./problems.ts";
import { compileTcpProxy } from "./tcp-proxy.ts";
import { structTypeOf } from "./typed-struct.ts";
import { reportUnknownExtension, unpackKnown } from "./values.ts";

/** What the filters of a chain come to. */
export interface CompiledNetworkFilters {
  readonly serve: NetworkFilter;
  readonly rds: readonly RdsReference[];
}

/** A kind of network filter that ends a chain. */
interface TerminalFactory {
  readonly name: string;
  readonly type: string;
  compile(
    config: Message,
    path: string,
    environment: CompileEnvironment,
    problems: Problems,
  ): CompiledTerminal | undefined;
}

interface CompiledTerminal extends CompiledNetworkFilters {
  /** Told of connections that a filter before this one refuses. */
  readonly accessLogs: readonly AccessLogger[];
}

/** A kind of network filter that stands before others. */
export interface LayerFactory {
  readonly name: string;
  /** Of its configuration; what stands in a TypedStruct for types that are no part of Envoy's API. */
  readonly type: string;
  compile(
    config: Message,
    path: string,
    environment: CompileEnvironment,
    problems: Problems,
  ): ((accessLogs: readonly AccessLogger[]) => NetworkFilterLayer) | undefined;
}

/** The network filters that are compiled in and decide who may go on. */
const layers: readonly LayerFactory[] = [
  {
    name: "envoy.filters.network.rbac",
    type: "envoy.extensions.filters.network.rbac.v3.RBAC",
    compile: (config, path, environment, problems) =>
      compileNetworkRbac(config as RBAC, path, environment, problems), // its type was compared
  },
  {
    name: "envoy.filters.network.ext_authz",
    type: "envoy.extensions.filters.network.ext_authz.v3.ExtAuthz",
    compile: (config, path, environment, problems) =>
      compileNetworkExtAuthz(config as ExtAuthz, path, environment, problems), // as above
  },
  istioStats,
  ...connectionFilters,
];

/** The network filters that are compiled in and end chains. A chain has one of them, as its last. */
const terminals: readonly TerminalFactory[] = [
  {
    name: "envoy.filters.network.http_connection_manager",
    type: "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    compile(config, path, environment, problems) {
      const message = config as HttpConnectionManager; // its type was compared
      const manager = compileHttpConnectionManager(message, path, environment, problems);
      return (
        manager && {
          serve: environment.createConnectionManager(manager.config),
          rds: manager.rds,
          // Its logs are of requests, and there was none.
          accessLogs: [],
        }
      );
    },
  },
  {
    name: "envoy.filters.network.tcp_proxy",
    type: "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
    compile(config, path, environment, problems) {
      const proxy = compileTcpProxy(config as TcpProxy, path, environment, problems); // its type was compared
      return proxy && { ...proxy, rds: [] };
    },
  },
];

/** Their names, as Envoy lists them among a node's extensions. */
export const networkFilterNames: readonly string[] = [...layers, ...terminals].map(({ name }) => name);

/** Compiles the network filters of a chain. */
export function compileNetworkFilters(
  messages: readonly Filter[],
  path: string,
  environment: CompileEnvironment,
  problems: Problems,
): CompiledNetworkFilters | undefined {
  if (messages.length === 0) {
    problems.error(path, "missing", "a filter chain needs filters, the last of them a terminal one");
    return undefined;
  }
  const before: ((accessLogs: readonly AccessLogger[]) => NetworkFilterLayer)[] = [];
  let last: CompiledTerminal | undefined;
  for (const [index, { name, configType }] of messages.entries()) {
    const at = `${path}[${index}]`;
    const any = configType.case === "typedConfig" ? configType.value : undefined;
    const type = any && (structTypeOf(any) ?? typeNameOf(any.typeUrl));
    const isKind = (kind: { readonly type: string }) => kind.type === type;
    const layer = layers.find(isKind);
    const terminal = terminals.find(isKind);
    if (any === undefined || (layer === undefined && terminal === undefined)) {
      reportUnknownExtension(problems, at, { name, typeUrl: any?.typeUrl }, networkFilterNames);
      continue;
    }
    const isLast = index === messages.length - 1;
    if ((terminal !== undefined) !== isLast)
      problems.error(
        at,
        "wrong-order",
        `${name} must ${isLast ? "not " : ""}be the last filter of its chain`,
      );
    const config = unpackKnown(any, `${at}.typed_config`, problems);
    if (config === undefined) continue;
    const compiledLayer = layer?.compile(config, `${at}.typed_config`, environment, problems);
    if (compiledLayer !== undefined) before.push(compiledLayer);
    last = terminal?.compile(config, `${at}.typed_config`, environment, problems) ?? last;
  }
  if (last === undefined) return undefined;
  const { serve, rds, accessLogs } = last;
  return { rds, serve: before.reduceRight((next, layer) => layer(accessLogs)(next), serve) };
}
