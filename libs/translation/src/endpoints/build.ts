import type { MeshConfig } from "@weft/istio-api";
import type { Endpoint, Service } from "@weft/mesh-model";
import { selects } from "@weft/mesh-model";
import type { BackendEndpoint, LocalityEndpoints } from "../ir/index.ts";
import {
  distance,
  type LocalityPreference,
  labelRank,
  type ProxyLocality,
  shareWeights,
} from "./locality.ts";

/** Which endpoints of a service are asked for. */
export interface EndpointSelection {
  readonly service: Service;
  readonly portName: string;
  /** Labels of the subset; absent for all endpoints. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Tells endpoints whose workload has mutual TLS switched off, though its proxy has certificates; none by default. */
  readonly refusesMutualTls?: (endpoint: Endpoint) => boolean;
  /** Which of them the proxy prefers; all alike where absent. */
  readonly preference?: LocalityPreference;
}

/** Distances there are: a rank by labels counts more than any of them. */
const distances = 5;

function toBackendEndpoint(
  endpoint: Endpoint,
  { service, refusesMutualTls }: EndpointSelection,
): BackendEndpoint {
  const external = service.registry === "External";
  const { workloadName, namespace, canonicalName, canonicalRevision, clusterId } = endpoint;
  const known = workloadName !== "" || !external;
  const workload = [workloadName, known ? namespace : "", canonicalName, canonicalRevision, clusterId];
  return {
    address: endpoint.address,
    port: endpoint.port,
    weight: endpoint.weight,
    // Nobody watches the health of what a ServiceEntry lists.
    ...(external ? {} : { health: endpoint.health === "DRAINING" ? "DRAINING" : "HEALTHY" }),
    takesMutualTls: endpoint.tlsMode === "istio" && refusesMutualTls?.(endpoint) !== true,
    workload: workload.join(";"),
  };
}

function compareLocalities(a: ProxyLocality, b: ProxyLocality): number {
  const key = ({ region, zone, subzone }: ProxyLocality) => `${region}\n${zone}\n${subzone}`;
  return key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0;
}

interface Group {
  readonly locality: ProxyLocality;
  readonly rank: number;
  readonly endpoints: BackendEndpoint[];
}

function compareGroups(a: Group, b: Group): number {
  return compareLocalities(a.locality, b.locality) || a.rank - b.rank;
}

/**
 * The ready endpoints of a service port, grouped by locality in the order of their names; a locality stands several
 * times where its endpoints are not preferred alike.
 */
export function buildLocalities(
  endpoints: readonly Endpoint[],
  selection: EndpointSelection,
): readonly LocalityEndpoints[] {
  const { service, portName, labels, preference = {} } = selection;
  const { near, failover, shares } = preference;
  const groups = new Map<string, Group>();
  for (const endpoint of endpoints) {
    if (endpoint.servicePortName !== portName) continue;
    if (endpoint.health !== "HEALTHY" && service.publishNotReadyAddresses !== true) continue;
    if (labels !== undefined && !selects(labels, endpoint.labels)) continue;
    const { region, zone, subzone } = endpoint.locality;
    const rank =
      labelRank(endpoint.labels, preference.labels) * distances +
      (near ? distance(near, endpoint.locality, failover) : 0);
    const key = `${region}\n${zone}\n${subzone}\n${rank}`;
    const group = groups.get(key) ?? { locality: { region, zone, subzone }, rank, endpoints: [] };
    groups.set(key, group);
    group.endpoints.push(toBackendEndpoint(endpoint, selection));
  }
  const sorted = [...groups.values()].sort(compareGroups);
  // Envoy wants priorities without gaps.
  const ranks = [...new Set(sorted.map(({ rank }) => rank))].sort((a, b) => a - b);
  const localities = sorted.map(({ locality, rank, endpoints: members }) => ({
    ...locality,
    priority: ranks.indexOf(rank),
    endpoints: members,
  }));
  return shares ? shareOut(localities, shares) : localities;
}

/** Localities with their shares as weights; those without one are left out. */
function shareOut(
  localities: readonly LocalityEndpoints[],
  shares: NonNullable<LocalityPreference["shares"]>,
): readonly LocalityEndpoints[] {
  const weights = shareWeights(
    localities.map(({ region, zone, subzone, endpoints }) => ({
      region,
      zone,
      subzone,
      weight: endpoints.reduce((sum, { weight }) => sum + weight, 0),
    })),
    shares,
  );
  return localities.flatMap((locality, index) => {
    const weight = weights[index];
    return weight ? [{ ...locality, weight }] : [];
  });
}

/**
 * Identities (SPIFFE) of the workloads behind a service, in order: who may answer for it. Under every name of the trust domain, so that
 * those whose certificates still have an old one may.
 */
export function identitiesOf(
  endpoints: readonly Endpoint[],
  { trustDomain, trustDomainAliases }: Pick<MeshConfig, "trustDomain" | "trustDomainAliases">,
): readonly string[] {
  const identities = new Set<string>();
  for (const { namespace, serviceAccount } of endpoints)
    if (serviceAccount !== "")
      for (const domain of [trustDomain, ...trustDomainAliases])
        identities.add(`spiffe://${domain}/ns/${namespace}/sa/${serviceAccount}`);
  return [...identities].sort();
}
