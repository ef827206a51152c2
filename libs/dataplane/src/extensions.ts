import {
  accessLoggerNames,
  clusterTypeNames,
  listenerFilterNames,
  networkFilterNames,
  retryHostPredicateNames,
  retryPriorityNames,
  transportSocketNames,
  upstreamTransportSocketNames,
} from "./compile/index.ts";
import { httpFilterFactories } from "./http/filters/index.ts";

/** The version of this proxy. */
export const version = "0.1.0";

/** An extension as a node lists it. */
export interface CompiledExtension {
  readonly name: string;
  readonly category: string;
  readonly typeUrls: string[];
}

const list = (category: string, names: readonly string[]): CompiledExtension[] =>
  names.map((name) => ({ name, category, typeUrls: [] }));

/** What is compiled into this proxy, under Envoy's categories; sent with the node, so that nothing else is configured. */
export function compiledExtensions(): CompiledExtension[] {
  return [
    ...httpFilterFactories.map(({ name, configTypes, routeConfigTypes, structTypes = [] }) => ({
      name,
      category: "envoy.filters.http",
      typeUrls: [...new Set([...configTypes, ...routeConfigTypes, ...structTypes])],
    })),
    {
      name: "envoy.filters.http.router",
      category: "envoy.filters.http",
      typeUrls: ["envoy.extensions.filters.http.router.v3.Router"],
    },
    ...list("envoy.filters.network", networkFilterNames),
    ...list("envoy.filters.listener", listenerFilterNames),
    ...list("envoy.transport_sockets.downstream", transportSocketNames),
    ...list("envoy.transport_sockets.upstream", upstreamTransportSocketNames),
    ...list("envoy.access_loggers", accessLoggerNames),
    ...list("envoy.request_id", ["envoy.request_id.uuid"]),
    ...list("envoy.clusters", clusterTypeNames),
    ...list("envoy.path.match", ["envoy.path.match.uri_template.uri_template_matcher"]),
    ...list("envoy.retry_host_predicates", retryHostPredicateNames),
    ...list("envoy.retry_priorities", retryPriorityNames),
    ...list("envoy.upstream_options", ["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]),
  ];
}
