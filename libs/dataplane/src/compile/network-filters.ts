import type { Message } from "@bufbuild/protobuf";
import { typeNameOf } from "@weft/envoy-api";
import type { Filter } from "@weft/envoy-api/envoy/config/listener/v3/listener_components_pb.js";
import type { HttpConnectionManager } from "@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { TcpProxy } from "@weft/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js";
import type { NetworkFilter } from "../runtime/connection.ts";
import type { CompileEnvironment } from "./environment.ts";
import { compileHttpConnectionManager, type RdsReference } from "./http-connection-manager.ts";
import type { Problems } from "./problems.ts";
import { compileTcpProxy } from "./tcp-proxy.ts";
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
  ): CompiledNetworkFilters | undefined;
}

/** The network filters that are compiled in. A chain has one of them, as its last. */
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
        }
      );
    },
  },
  {
    name: "envoy.filters.network.tcp_proxy",
    type: "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
    compile(config, path, environment, problems) {
      const serve = compileTcpProxy(config as TcpProxy, path, environment, problems); // its type was compared
      return serve && { serve, rds: [] };
    },
  },
];

/** Their names, as Envoy lists them among a node's extensions. */
export const networkFilterNames: readonly string[] = terminals.map(({ name }) => name);

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
  let last: CompiledNetworkFilters | undefined;
  for (const [index, { name, configType }] of messages.entries()) {
    const at = `${path}[${index}]`;
    const any = configType.case === "typedConfig" ? configType.value : undefined;
    const factory = terminals.find(({ type }) => type === typeNameOf(any?.typeUrl ?? ""));
    if (factory === undefined || any === undefined) {
      reportUnknownExtension(problems, at, { name, typeUrl: any?.typeUrl }, networkFilterNames);
      continue;
    }
    if (index !== messages.length - 1)
      problems.error(at, "wrong-order", `${name} must be the last filter of its chain`);
    const config = unpackKnown(any, `${at}.typed_config`, problems);
    last = config && factory.compile(config, `${at}.typed_config`, environment, problems);
  }
  return last;
}
