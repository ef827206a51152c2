import { isVisibleTo, type MeshSnapshot, type Service } from "@weft/mesh-model";

/** What of a mesh is worth a look, by Istio's names of the metrics, with what each of them counts. */
export const meshCountHelp = {
  pilot_eds_no_instances: "Ports of services that get endpoints, and have none.",
  pilot_endpoint_not_ready: "Endpoints that are not ready.",
  pilot_no_ip: "Pods without an address.",
  pilot_dns_cluster_without_endpoints: "Services found by DNS that name nothing to look up.",
  pilot_destrule_subsets: "Subsets of which DestinationRules for one host in one namespace have several.",
  pilot_vservice_dup_domain: "Hosts that several VirtualServices of one namespace have for one gateway.",
  pilot_conflict_inbound_listener: "Ports of workloads that services speak different protocols on.",
  pilot_conflict_outbound_listener_tcp_over_current_tcp:
    "TCP services without an address whose port another has.",
  pilot_duplicate_envoy_clusters: "Clusters that two services of one host name stand for.",
} as const;

/** Names of the counts. */
export type MeshCount = keyof typeof meshCountHelp;

/** Counts what {@link meshCountHelp} says; a look at all of the mesh. */
export function countMesh(snapshot: MeshSnapshot): Readonly<Record<MeshCount, number>> {
  return {
    ...countEndpoints(snapshot),
    pilot_no_ip: [...snapshot.workloads.byName.values()].filter(({ addresses }) => addresses.length === 0)
      .length,
    pilot_destrule_subsets: countRepeated(
      snapshot.configs.destinationRules.flatMap(({ namespace, spec }) =>
        (spec.subsets ?? []).map(({ name }) => `${namespace}/${spec.host}/${name}`),
      ),
    ),
    pilot_vservice_dup_domain: countRepeated(
      snapshot.configs.virtualServices.flatMap(({ namespace, spec }) =>
        (spec.gateways ?? []).flatMap((gateway) =>
          [...new Set(spec.hosts)].map((host) => `${namespace}/${gateway}/${host}`),
        ),
      ),
    ),
    pilot_conflict_inbound_listener: countInboundConflicts(snapshot.services.all),
    pilot_conflict_outbound_listener_tcp_over_current_tcp: countOutboundConflicts(snapshot.services.all),
    pilot_duplicate_envoy_clusters: countDuplicates(snapshot),
  };
}

function countEndpoints({ services, endpoints }: MeshSnapshot) {
  const counts = {
    pilot_eds_no_instances: 0,
    pilot_endpoint_not_ready: 0,
    pilot_dns_cluster_without_endpoints: 0,
  };
  for (const service of services.all) {
    const found = endpoints.get(`${service.namespace}/${service.hostname}`) ?? [];
    const ports = new Set(found.map(({ servicePortName }) => servicePortName));
    if (service.resolution === "ClientSideLB")
      counts.pilot_eds_no_instances += service.ports.filter(({ name }) => !ports.has(name)).length;
    else if (service.resolution.startsWith("DNS") && found.length === 0)
      counts.pilot_dns_cluster_without_endpoints++;
    counts.pilot_endpoint_not_ready += found.filter(({ health }) => health !== "HEALTHY").length;
  }
  return counts;
}

/** How many different texts stand more than once. */
function countRepeated(texts: readonly string[]): number {
  const once = new Set<string>();
  const again = new Set<string>();
  for (const text of texts) (once.has(text) ? again : once).add(text);
  return again.size;
}

/** Ports on which services that select by the same labels expect different protocols. */
function countInboundConflicts(services: readonly Service[]): number {
  const protocols = new Map<string, Set<string>>();
  for (const { namespace, selector, ports } of services) {
    if (selector === undefined) continue;
    for (const { port, targetPort, protocol } of ports) {
      const key = `${namespace}/${JSON.stringify(Object.entries(selector).sort())}/${targetPort ?? port}`;
      protocols.set(key, (protocols.get(key) ?? new Set()).add(protocol));
    }
  }
  return [...protocols.values()].filter(({ size }) => size > 1).length;
}

/** TCP ports of public services that are listened for on every address, beyond the first of each. */
function countOutboundConflicts(services: readonly Service[]): number {
  const taken = new Set<number>();
  let conflicts = 0;
  for (const { addresses, resolution, ports, exportTo } of services) {
    const everywhere = addresses.length === 0 && resolution !== "Passthrough" && resolution !== "Alias";
    if (!everywhere || exportTo.kind !== "public") continue;
    for (const { port, protocol } of ports) {
      if (protocol !== "TCP") continue;
      if (taken.has(port)) conflicts++;
      taken.add(port);
    }
  }
  return conflicts;
}

/** Ports that two services of one host name have, where one namespace sees both. */
function countDuplicates({ services }: MeshSnapshot): number {
  let duplicates = 0;
  for (const same of services.byHostname.values()) {
    if (same.length < 2) continue;
    const seen = same.filter((service) =>
      same.some((other) => other !== service && isVisibleTo(other.exportTo, service.namespace)),
    );
    duplicates += countRepeated(seen.flatMap(({ ports }) => ports.map(({ port }) => String(port))));
  }
  return duplicates;
}
