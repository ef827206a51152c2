import { fromBinary } from "@bufbuild/protobuf";
import { hostDiscoveryField, typeUrls } from "@weft/envoy-api";
import { ClusterSchema } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ListenerSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import {
  type Route,
  type VirtualHost,
  VirtualHostSchema,
} from "@weft/envoy-api/envoy/config/route/v3/route_components_pb.js";
import { RouteConfigurationSchema } from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import { HttpConnectionManagerSchema } from "@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { accept, createXdsClient, type ReceivedResource, type XdsMode } from "@weft/xds";

const types = [typeUrls.cluster, typeUrls.endpoint, typeUrls.listener, typeUrls.route] as const;

/** What a proxy has, by type and name: the bytes. */
export type Held = ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>;

/** A proxy that asks for clusters and listeners, and for what those name, as Envoy does. */
export interface ProxyClient {
  readonly held: Held;
  /** What was wrong at some moment: a route to a cluster that was not there. */
  readonly violations: readonly string[];
  close(): void;
}

/** How a proxy asks; `vhds`: incremental, with virtual hosts as resources of their own. */
export type ProxyMode = XdsMode | "vhds";

/** Connects a {@link ProxyClient}; each update is taken, and then looked at. */
export function connectProxy(address: string, nodeId: string, mode: ProxyMode): ProxyClient {
  const held = new Map<string, Map<string, Uint8Array>>(types.map((type) => [type, new Map()]));
  if (mode === "vhds") held.set(typeUrls.virtualHost, new Map());
  const violations: string[] = [];
  const client = createXdsClient({
    address,
    mode: mode === "sotw" ? "sotw" : "delta",
    node: {
      id: nodeId,
      metadata: {
        NAMESPACE: "default",
        CLUSTER_ID: "Kubernetes",
        ...(mode === "vhds" && { [hostDiscoveryField]: "true" }),
      },
    },
  });
  const subscribe = (typeUrl: string, names: "*" | readonly string[], after: () => void) =>
    client.subscribe(typeUrl, {
      names,
      onUpdate: ({ changed, removed }) => {
        const resources = held.get(typeUrl);
        for (const name of removed) resources?.delete(name);
        for (const [name, resource] of changed) resources?.set(name, bytesOf(resource));
        after();
        violations.push(...danglingRoutes(held));
        return accept;
      },
    });
  const endpoints = subscribe(typeUrls.endpoint, [], () => {});
  // As Envoy, which asks for hosts when it gets a table without them.
  let hosts = mode !== "vhds";
  const routes = subscribe(typeUrls.route, [], () => {
    if (!hosts) subscribe(typeUrls.virtualHost, "*", () => {});
    hosts = true;
  });
  // What nothing names any longer is not kept.
  const forget = (typeUrl: string, names: ReadonlySet<string>) => {
    for (const name of held.get(typeUrl)?.keys() ?? []) if (!names.has(name)) held.get(typeUrl)?.delete(name);
    return names;
  };
  subscribe(typeUrls.cluster, "*", () => endpoints.setNames(forget(typeUrls.endpoint, edsNames(held))));
  subscribe(typeUrls.listener, "*", () => routes.setNames(forget(typeUrls.route, rdsNames(held))));
  return { held, violations, close: () => client.close() };
}

function bytesOf({ value }: ReceivedResource): Uint8Array {
  return Uint8Array.from(value);
}

function edsNames(held: Held): ReadonlySet<string> {
  const clusters = [...(held.get(typeUrls.cluster)?.values() ?? [])].map((value) =>
    fromBinary(ClusterSchema, value),
  );
  return new Set(
    clusters.flatMap(({ edsClusterConfig }) => (edsClusterConfig ? [edsClusterConfig.serviceName] : [])),
  );
}

function rdsNames(held: Held): ReadonlySet<string> {
  const names = new Set<string>();
  for (const value of held.get(typeUrls.listener)?.values() ?? []) {
    const { filterChains, defaultFilterChain } = fromBinary(ListenerSchema, value);
    for (const { filters } of [...filterChains, ...(defaultFilterChain ? [defaultFilterChain] : [])])
      for (const { configType } of filters) {
        if (configType.case !== "typedConfig") continue;
        if (!configType.value.typeUrl.endsWith(HttpConnectionManagerSchema.typeName)) continue;
        const { routeSpecifier } = fromBinary(HttpConnectionManagerSchema, configType.value.value);
        if (routeSpecifier.case === "rds") names.add(routeSpecifier.value.routeConfigName);
      }
  }
  return names;
}

function danglingRoutes(held: Held): readonly string[] {
  const clusters = held.get(typeUrls.cluster);
  const inTables = [...(held.get(typeUrls.route)?.values() ?? [])].flatMap(
    (value) => fromBinary(RouteConfigurationSchema, value).virtualHosts,
  );
  const alone = [...(held.get(typeUrls.virtualHost)?.values() ?? [])].map((value) =>
    fromBinary(VirtualHostSchema, value),
  );
  return [...inTables, ...alone].flatMap(({ name, routes }: VirtualHost) =>
    routes
      .flatMap(clustersOf)
      .filter((cluster) => !clusters?.has(cluster))
      .map((cluster) => `${name} names ${cluster}`),
  );
}

function clustersOf({ action }: Route): readonly string[] {
  if (action.case !== "route") return [];
  const { clusterSpecifier, requestMirrorPolicies } = action.value;
  const mirrors = requestMirrorPolicies.map(({ cluster }) => cluster);
  if (clusterSpecifier.case === "cluster") return [clusterSpecifier.value, ...mirrors];
  if (clusterSpecifier.case !== "weightedClusters") return mirrors;
  return [...clusterSpecifier.value.clusters.map(({ name }) => name), ...mirrors];
}
