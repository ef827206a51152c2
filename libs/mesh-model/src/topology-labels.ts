import type { Locality } from "./service.ts";

/** Adds the labels that tell where a workload runs; subsets and failover priorities may name them. */
export function withTopologyLabels(
  labels: Readonly<Record<string, string>>,
  place: {
    readonly locality: Locality;
    readonly clusterId: string;
    readonly network: string;
    readonly nodeName: string;
  },
): Readonly<Record<string, string>> {
  const added: Record<string, string> = { ...labels };
  const set = (name: string, value: string) => {
    if (value !== "") added[name] = value;
  };
  set("topology.kubernetes.io/region", place.locality.region);
  set("topology.kubernetes.io/zone", place.locality.zone);
  set("topology.istio.io/subzone", place.locality.subzone);
  set("topology.istio.io/cluster", place.clusterId);
  set("topology.istio.io/network", place.network);
  set("kubernetes.io/hostname", place.nodeName);
  return added;
}
