import { create, type JsonObject, type MessageInitShape } from "@bufbuild/protobuf";
import { HealthStatus } from "@weft/envoy-api/envoy/config/core/v3/health_check_pb.js";
import type { LbEndpointSchema } from "@weft/envoy-api/envoy/config/endpoint/v3/endpoint_components_pb.js";
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from "@weft/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { toSocketAddress } from "../envoy/scalars.ts";
import type { BackendEndpoint, LocalityEndpoints } from "../ir/index.ts";

function endpointMetadata(endpoint: BackendEndpoint): { [key: string]: JsonObject } {
  return {
    ...(endpoint.takesMutualTls ? { "envoy.transport_socket_match": { tlsMode: "istio" } } : {}),
    ...(endpoint.workload === undefined ? {} : { istio: { workload: endpoint.workload } }),
  };
}

function toLbEndpoint(endpoint: BackendEndpoint): MessageInitShape<typeof LbEndpointSchema> {
  const metadata = endpointMetadata(endpoint);
  return {
    hostIdentifier: {
      case: "endpoint",
      value: { address: toSocketAddress(endpoint.address, endpoint.port) },
    },
    healthStatus: endpoint.health === undefined ? HealthStatus.UNKNOWN : HealthStatus[endpoint.health],
    loadBalancingWeight: endpoint.weight,
    ...(Object.keys(metadata).length === 0 ? {} : { metadata: { filterMetadata: metadata } }),
  };
}

/** Envoy's ClusterLoadAssignment; a locality without a weight of its own weighs as much as its endpoints together. */
export function toLoadAssignment(
  name: string,
  localities: readonly LocalityEndpoints[],
): ClusterLoadAssignment {
  return create(ClusterLoadAssignmentSchema, {
    clusterName: name,
    endpoints: localities.map((locality) => ({
      locality: { region: locality.region, zone: locality.zone, subZone: locality.subzone },
      priority: locality.priority,
      loadBalancingWeight: locality.weight ?? locality.endpoints.reduce((sum, { weight }) => sum + weight, 0),
      lbEndpoints: locality.endpoints.map(toLbEndpoint),
    })),
  });
}
