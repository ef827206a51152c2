import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type EncodedResource, typeUrls } from "@weft/envoy-api";
import { Cluster_DiscoveryType, ClusterSchema } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import {
  ApiVersion,
  type ConfigSourceSchema,
} from "@weft/envoy-api/envoy/config/core/v3/config_source_pb.js";
import { ClusterLoadAssignmentSchema } from "@weft/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@weft/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "@weft/envoy-api/envoy/config/route/v3/route_pb.js";
import { RouterSchema } from "@weft/envoy-api/envoy/extensions/filters/http/router/v3/router_pb.js";
import { HttpConnectionManagerSchema } from "@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { encodeResource } from "../resource-set.ts";

/** Where the resources tell the client to get the resources they refer to. */
export type Source = MessageInitShape<typeof ConfigSourceSchema>;

/** From the stream that they came by. */
export const ads: Source = {
  resourceApiVersion: ApiVersion.V3,
  configSourceSpecifier: { case: "ads", value: {} },
};

function encode<Desc extends DescMessage>(
  name: string,
  { typeUrl, schema }: { readonly typeUrl: string; readonly schema: Desc },
  message: MessageInitShape<Desc>,
): EncodedResource {
  return encodeResource(name, typeUrl, toBinary(schema, create(schema, message)));
}

/** A cluster whose endpoints come by EDS, under its own name. */
export function cluster(name: string, { source = ads, connectSeconds = 1 } = {}): EncodedResource {
  return encode(
    name,
    { typeUrl: typeUrls.cluster, schema: ClusterSchema },
    {
      name,
      connectTimeout: { seconds: BigInt(connectSeconds) },
      clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.EDS },
      edsClusterConfig: { edsConfig: source },
    },
  );
}

function socketAddress(port: number) {
  const value = { address: "127.0.0.1", portSpecifier: { case: "portValue" as const, value: port } };
  return { address: { case: "socketAddress" as const, value } };
}

/** Endpoints on loopback. */
export function endpoints(clusterName: string, ...ports: readonly number[]): EncodedResource {
  const lbEndpoints = ports.map((port) => ({
    hostIdentifier: { case: "endpoint" as const, value: { address: socketAddress(port) } },
  }));
  const locality = { locality: { region: "here" }, loadBalancingWeight: 1, lbEndpoints };
  return encode(
    clusterName,
    { typeUrl: typeUrls.endpoint, schema: ClusterLoadAssignmentSchema },
    { clusterName, endpoints: [locality] },
  );
}

function connectionManager(statPrefix: string, routeName: string, source: Source) {
  const router = anyPack(RouterSchema, create(RouterSchema));
  return create(HttpConnectionManagerSchema, {
    statPrefix,
    routeSpecifier: { case: "rds", value: { routeConfigName: routeName, configSource: source } },
    httpFilters: [{ name: "envoy.filters.http.router", configType: { case: "typedConfig", value: router } }],
  });
}

/** A listener that is not bound, whose routes come by RDS. */
export function listener(
  name: string,
  routeName: string,
  { source = ads, statPrefix = name, port = 1 } = {},
): EncodedResource {
  const manager = anyPack(HttpConnectionManagerSchema, connectionManager(statPrefix, routeName, source));
  const filter = {
    name: "envoy.filters.network.http_connection_manager",
    configType: { case: "typedConfig" as const, value: manager },
  };
  return encode(
    name,
    { typeUrl: typeUrls.listener, schema: ListenerSchema },
    { name, address: socketAddress(port), bindToPort: false, filterChains: [{ filters: [filter] }] },
  );
}

/** The listener of a gRPC client without a proxy: routes for the target of this name. */
export function apiListener(name: string, routeName: string, source = ads): EncodedResource {
  const manager = anyPack(HttpConnectionManagerSchema, connectionManager(name, routeName, source));
  return encode(
    name,
    { typeUrl: typeUrls.listener, schema: ListenerSchema },
    { name, apiListener: { apiListener: manager } },
  );
}

/** Routes of which each virtual host sends everything to one cluster. */
export function routes(name: string, clusterOfHost: Readonly<Record<string, string>>): EncodedResource {
  return encode(
    name,
    { typeUrl: typeUrls.route, schema: RouteConfigurationSchema },
    {
      name,
      virtualHosts: Object.entries(clusterOfHost).map(([host, target], index) => ({
        name: `host-${index}`,
        domains: host.split(","),
        routes: [
          {
            match: { pathSpecifier: { case: "prefix" as const, value: "/" } },
            action: {
              case: "route" as const,
              value: { clusterSpecifier: { case: "cluster" as const, value: target } },
            },
          },
        ],
      })),
    },
  );
}
