import type { Endpoint, Service } from "@weft/mesh-model";
import { selects } from "@weft/mesh-model";
import type { BackendEndpoint, LocalityEndpoints } from "../ir/index.ts";

/** Where a proxy runs. */
export type ProxyLocality = { readonly region: string; readonly zone: string; readonly subzone: string };

/** Which endpoints of a service are asked for. */
export interface EndpointSelection {
  readonly service: Service;
  readonly portName: string;
  /** Labels of the subset; absent for all endpoints. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Where the proxy runs, if endpoints near it are to be preferred. */
  readonly near?: ProxyLocality;
}

/** How far away a locality is: 0 is here, then the same zone, the same region, elsewhere. */
function distance(from: ProxyLocality, to: ProxyLocality): number {
  if (from.region !== to.region) return 3;
  if (from.zone !== to.zone) return 2;
  return from.subzone === to.subzone ? 0 : 1;
}

function toBackendEndpoint(endpoint: Endpoint, external: boolean): BackendEndpoint {
  const { workloadName, namespace, canonicalName, canonicalRevision, clusterId } = endpoint;
  const known = workloadName !== "" || !external;
  const workload = [workloadName, known ? namespace : "", canonicalName, canonicalRevision, clusterId];
  return {
    address: endpoint.address,
    port: endpoint.port,
    weight: endpoint.weight,
    // Nobody watches the health of what a ServiceEntry lists.
    ...(external ? {} : { health: endpoint.health === "DRAINING" ? "DRAINING" : "HEALTHY" }),
    takesMutualTls: endpoint.tlsMode === "istio",
    workload: workload.join(";"),
  };
}

function compareLocalities(a: ProxyLocality, b: ProxyLocality): number {
  const key = ({ region, zone, subzone }: ProxyLocality) => `${region}\n${zone}\n${subzone}`;
  return key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0;
}

/** The ready endpoints of a service port, grouped by locality in the order of their names. */
export function buildLocalities(
  endpoints: readonly Endpoint[],
  { service, portName, labels, near }: EndpointSelection,
): readonly LocalityEndpoints[] {
  const groups = new Map<string, { locality: ProxyLocality; endpoints: BackendEndpoint[] }>();
  for (const endpoint of endpoints) {
    if (endpoint.servicePortName !== portName) continue;
    if (endpoint.health !== "HEALTHY" && service.publishNotReadyAddresses !== true) continue;
    if (labels !== undefined && !selects(labels, endpoint.labels)) continue;
    const { region, zone, subzone } = endpoint.locality;
    const key = `${region}\n${zone}\n${subzone}`;
    const group = groups.get(key) ?? { locality: { region, zone, subzone }, endpoints: [] };
    groups.set(key, group);
    group.endpoints.push(toBackendEndpoint(endpoint, service.registry === "External"));
  }
  const sorted = [...groups.values()].sort((a, b) => compareLocalities(a.locality, b.locality));
  const distances = sorted.map(({ locality }) => (near ? distance(near, locality) : 0));
  // Envoy wants priorities without gaps.
  const ranks = [...new Set(distances)].sort((a, b) => a - b);
  return sorted.map(({ locality, endpoints: members }, index) => ({
    ...locality,
    priority: ranks.indexOf(distances[index] ?? 0),
    endpoints: members,
  }));
}

/** Identities (SPIFFE) of the workloads behind a service, in order: who may answer for it. */
export function identitiesOf(endpoints: readonly Endpoint[], trustDomain: string): readonly string[] {
  const identities = new Set<string>();
  for (const { namespace, serviceAccount } of endpoints)
    if (serviceAccount !== "") identities.add(`spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccount}`);
  return [...identities].sort();
}
