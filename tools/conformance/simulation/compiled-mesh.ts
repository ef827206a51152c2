import { formatProblem } from "@weft/base";
import {
  type Compiled,
  type CompileEnvironment,
  compileListener,
  compileRouteTable,
  createBareEnvironment,
  createFilterChainMatcher,
  type FilterChainMatcher,
  type HttpConnectionManagerConfig,
  httpFilterFactories,
  type ListenerConfig,
  type NetworkFilter,
  type RouteTable,
} from "@weft/dataplane/evaluate";
import { type ResourceSet, typeUrls } from "@weft/envoy-api";
import type { Listener } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import type { RouteConfiguration } from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import { decode } from "./decode.ts";

/** A listener as the proxy compiled it, with the message it came from. */
export interface CompiledListener {
  readonly config: ListenerConfig;
  readonly message: Listener;
  readonly match: FilterChainMatcher;
}

/** What a proxy made of its resources: its own matchers and tables, with nothing behind them. */
export interface CompiledMesh {
  readonly listeners: readonly CompiledListener[];
  /** The configuration behind a chain that speaks HTTP; undefined for others. */
  httpConfig(serve: NetworkFilter): HttpConnectionManagerConfig | undefined;
  /** The message a table was compiled from. */
  routeMessage(name: string): RouteConfiguration | undefined;
}

/** Compiles resources with the proxy's own compiler. Throws where the proxy would send a NACK. */
export function compileMesh(resources: ResourceSet): CompiledMesh {
  const routeMessages = decode<RouteConfiguration>(resources, typeUrls.route);
  const tables = new Map<string, RouteTable>();
  for (const [name, message] of routeMessages) {
    tables.set(name, accepted(name, compileRouteTable(message, httpFilterFactories)));
  }
  const httpConfigs = new Map<NetworkFilter, HttpConnectionManagerConfig>();
  const environment = simulatedEnvironment((name) => tables.get(name), httpConfigs);
  const listeners = [...decode<Listener>(resources, typeUrls.listener)].map(([name, message]) => {
    const config = accepted(name, compileListener(message, environment));
    return {
      config,
      message,
      match: createFilterChainMatcher(config.filterChains, config.defaultFilterChain),
    };
  });
  return {
    listeners,
    httpConfig: (serve) => httpConfigs.get(serve),
    routeMessage: (name) => routeMessages.get(name),
  };
}

function accepted<T>(name: string, { value, problems }: Compiled<T>): T {
  if (value !== undefined) return value;
  throw new Error(`NACK ${name}: ${problems.map(formatProblem).join("; ")}`);
}

/** An environment in which connections are never served: the filters only stand for their configuration. */
function simulatedEnvironment(
  routes: (name: string) => RouteTable | undefined,
  httpConfigs: Map<NetworkFilter, HttpConnectionManagerConfig>,
): CompileEnvironment {
  const neverServed = () => {
    throw new Error("the simulation serves no connection");
  };
  return {
    ...createBareEnvironment(),
    routes,
    createConnectionManager: (config: HttpConnectionManagerConfig) => {
      const serve: NetworkFilter = () => neverServed();
      httpConfigs.set(serve, config);
      return serve;
    },
  };
}
