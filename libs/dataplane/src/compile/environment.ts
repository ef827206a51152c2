import type { Message } from "@bufbuild/protobuf";
import type { LogFile } from "../access-log/index.ts";
import type { IstioMetrics } from "../istio-metrics/index.ts";
import type { ClusterSet } from "../runtime/cluster.ts";
import type { CallCluster } from "../runtime/cluster-call.ts";
import type { NetworkFilter } from "../runtime/connection.ts";
import type { OnFault } from "../runtime/faults.ts";
import type { HttpConnectionManagerConfig } from "../runtime/http-connection-manager.ts";
import type { HttpFilter, TerminalHttpFilter } from "../runtime/http-filter.ts";
import type { RouteTable } from "../runtime/route.ts";
import type { StatsScope } from "../runtime/stats.ts";
import type { OpenTunnel } from "../runtime/tunnel.ts";
import type { Problems } from "./problems.ts";
import type { TransportEnvironment } from "./tls/environment.ts";

/** A kind of HTTP filter that is compiled into the proxy. */
export interface HttpFilterFactory {
  /** As Envoy lists it among a node's extensions: `envoy.filters.http.fault`. */
  readonly name: string;
  /** Full names of the messages that configure it, with the one that is per route (where it has another). */
  readonly configTypes: readonly string[];
  readonly routeConfigTypes: readonly string[];
  /** Types that are no part of Envoy's API: their configuration comes as a TypedStruct, and is compiled as one. */
  readonly structTypes?: readonly string[];
  /** Compiles a filter under the name it has in this chain. */
  compile(config: Message, context: HttpFilterContext): HttpFilter | undefined;
  /** Compiles per-route configuration: what the filter finds in `filterConfig`. */
  compileRoute?(config: Message, path: string, problems: Problems): unknown;
}

/** What the compiler of an HTTP filter has to go by. */
export interface HttpFilterContext {
  /** Name of the filter in its chain. */
  readonly name: string;
  readonly path: string;
  readonly problems: Problems;
  /** The connection manager's scope, `http.<stat_prefix>.`. */
  readonly stats: StatsScope;
  readonly environment: CompileEnvironment;
}

/** What compiled configuration calls at run time. */
export interface CompileEnvironment extends TransportEnvironment {
  /** `--service-cluster`, or the node's cluster: what this proxy's own service is called. */
  readonly serviceCluster: string;
  /** Told of what threw at run time; the connection it happened to has been closed. */
  readonly onFault: OnFault;
  readonly istioMetrics: IstioMetrics;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** A fresh UUID. */
  readonly requestId: () => string;
  readonly clusters: ClusterSet;
  /** The route table that RDS last sent under a name; undefined before the first. */
  readonly routes: (name: string) => RouteTable | undefined;
  /** The log file of a path: the same one for the same path. */
  readonly logFile: (path: string) => LogFile;
  /** HTTP filters that are compiled in, without the router. */
  readonly httpFilters: readonly HttpFilterFactory[];
  /** By which filters ask services of their own. */
  readonly callCluster: CallCluster;
  /** Tunnels for connections, through the proxy's own connections to a cluster. */
  readonly openTunnel: OpenTunnel;
  readonly createConnectionManager: (config: HttpConnectionManagerConfig) => NetworkFilter;
  /** The router as the last filter of a chain; `stats` is the connection manager's scope. */
  readonly createRouter: (options: {
    readonly stats: StatsScope;
    readonly suppressEnvoyHeaders: boolean;
  }) => TerminalHttpFilter;
}
