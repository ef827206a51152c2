import { clone, create, type JsonValue } from "@bufbuild/protobuf";
import { type Cluster, ClusterSchema } from "@weft/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { TransportSocketSchema } from "@weft/envoy-api/envoy/config/core/v3/base_pb.js";
import { fixedBackends } from "../names.ts";
import { mergedSocket } from "./filters.ts";
import { type ListMerge, merged } from "./merge.ts";
import { isMerge, type Patch, type PatchContext, type PatchRun, patchesTo } from "./patch.ts";

interface ClusterName {
  readonly port: number;
  readonly subset: string;
  readonly host: string;
}

/** The parts of `outbound|PORT|SUBSET|HOST`. */
function partsOf(name: string): ClusterName {
  const [, port = "", subset = "", host = ""] = name.split("|");
  return { port: Number(port) || 0, subset, host };
}

/** Whose traffic a cluster of a sidecar carries. */
export function clusterContext(name: string): PatchContext {
  return name.startsWith("inbound|") || name === fixedBackends.inboundPassthrough
    ? "SIDECAR_INBOUND"
    : "SIDECAR_OUTBOUND";
}

/** The services that Istio's metadata of a cluster lists; an inbound cluster does not have them in its name. */
function servicesOf({ metadata }: Cluster): readonly string[] {
  const services = metadata?.filterMetadata.istio?.services;
  if (!Array.isArray(services)) return [];
  return services.flatMap((service: JsonValue) =>
    service !== null &&
    typeof service === "object" &&
    !Array.isArray(service) &&
    typeof service.host === "string"
      ? [service.host]
      : [],
  );
}

/** Whether a patch may be for a cluster, as far as its name tells. */
export function mayBeForCluster({ match: { cluster } }: Patch, name: string): boolean {
  if (cluster === undefined) return true;
  if (cluster.name) return cluster.name === name;
  const { port, subset, host } = partsOf(name);
  if (cluster.subset && cluster.subset !== subset) return false;
  if (cluster.service && host !== "" && cluster.service !== host) return false;
  return !cluster.portNumber || cluster.portNumber === port;
}

function isForCluster(patch: Patch, cluster: Cluster): boolean {
  if (!mayBeForCluster(patch, cluster.name)) return false;
  const { service, name } = patch.match.cluster ?? {};
  if (!service || name || partsOf(cluster.name).host !== "") return true;
  return servicesOf(cluster).includes(service);
}

/** A cluster with a value merged in. Where it chooses among sockets by endpoint, the one of the same name is meant. */
function mergedCluster(cluster: Cluster, patch: Cluster, lists: ListMerge): Cluster {
  const { transportSocket } = patch;
  if (transportSocket === undefined) return merged(ClusterSchema, cluster, patch, lists);
  const rest = clone(ClusterSchema, patch);
  delete rest.transportSocket;
  const result = merged(ClusterSchema, cluster, rest, lists);
  const merge = (own: typeof transportSocket) => mergedSocket(TransportSocketSchema, own, transportSocket);
  if (result.transportSocketMatches.length === 0)
    result.transportSocket = result.transportSocket ? merge(result.transportSocket) : transportSocket;
  const chosen = result.transportSocketMatches.find(
    (one) => one.transportSocket?.name === transportSocket.name,
  );
  if (chosen?.transportSocket) chosen.transportSocket = merge(chosen.transportSocket);
  return result;
}

/** A cluster after the patches for it; undefined where one removes it. */
export function patchCluster(cluster: Cluster, run: PatchRun): Cluster | undefined {
  let result = cluster;
  for (const patch of patchesTo(run, "CLUSTER")) {
    const removes = patch.operation === "REMOVE";
    if ((!removes && !isMerge(patch)) || !isForCluster(patch, cluster)) continue;
    run.used.add(patch);
    if (removes) return undefined;
    const value = patch.value ?? create(ClusterSchema);
    const lists = patch.operation === "MERGE" ? "append" : "replace";
    result = mergedCluster(result, value as Cluster, lists); // the value of such a patch is a cluster
  }
  return result;
}
