import { create } from "@bufbuild/protobuf";
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
} from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ads } from "../envoy/config-source.ts";
import type { Backend, LoadAssignment } from "../ir/index.ts";
import { clientTls } from "./tls.ts";

/**
 * A backend as gRPC clients take it: endpoints over EDS, round robin or ring hash, and the mesh's mutual TLS or none for all endpoints
 * alike. https://github.com/grpc/proposal/blob/master/A27-xds-global-load-balancing.md
 */
export function toGrpcCluster(backend: Backend, assignment: LoadAssignment | undefined): Cluster {
  const { name, loadBalancing, limits, tls } = backend;
  const identities = meshIdentities(tls, assignment);
  return create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: ads, serviceName: name },
    ...(loadBalancing.kind === "ring-hash"
      ? {
          lbPolicy: Cluster_LbPolicy.RING_HASH,
          lbConfig: {
            case: "ringHashLbConfig" as const,
            value: { minimumRingSize: BigInt(loadBalancing.minimumRingSize) },
          },
        }
      : { lbPolicy: Cluster_LbPolicy.ROUND_ROBIN }),
    ...(limits ? { circuitBreakers: { thresholds: [{ maxRequests: limits.maxRequests }] } } : {}),
    ...(identities ? { transportSocket: clientTls(identities) } : {}),
  });
}

/** Whom to expect on mutual TLS; undefined for plain text, where not all endpoints take anything else. */
function meshIdentities(
  tls: Backend["tls"],
  assignment: LoadAssignment | undefined,
): readonly string[] | undefined {
  if (tls === undefined || tls.kind === "custom") return undefined;
  if (tls.kind === "mesh") return tls.identities;
  const endpoints = assignment?.localities.flatMap((locality) => locality.endpoints) ?? [];
  return endpoints.length > 0 && endpoints.every(({ takesMutualTls }) => takesMutualTls)
    ? tls.identities
    : undefined;
}
