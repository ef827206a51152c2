import type { DestinationRule } from "@weft/istio-api";
import type { BuildContext } from "../context.ts";
import { comparedLabels } from "./locality.ts";

/** Labels of the proxy as `failoverPriority` compares them: its workload's, with those of its place. */
export function clientLabels({ view, locality }: BuildContext): Readonly<Record<string, string>> {
  const { labels, node, workload } = view;
  const nodeName = workload?.nodeName || String(node.metadata.NODE_NAME ?? "");
  return {
    ...labels,
    "topology.istio.io/network": node.network,
    "topology.istio.io/cluster": node.clusterId,
    "topology.kubernetes.io/region": locality.region,
    "topology.kubernetes.io/zone": locality.zone,
    "topology.istio.io/subzone": locality.subzone,
    "kubernetes.io/hostname": nodeName,
  };
}

function ruleLabels({ trafficPolicy, subsets = [] }: DestinationRule): readonly string[] {
  const policies = [trafficPolicy, ...subsets.map((subset) => subset.trafficPolicy)];
  return policies.flatMap((policy) =>
    [policy, ...(policy?.portLevelSettings ?? [])].flatMap((settings) =>
      [settings?.loadBalancer?.localityLbSetting, settings?.loadBalancer?.zoneAwareLbSetting].flatMap(
        comparedLabels,
      ),
    ),
  );
}

/** Names of the proxy's labels that the endpoints of a service with this rule depend on. */
export function comparedLabelsOf(
  { mesh }: Pick<BuildContext, "mesh">,
  rule: { readonly spec: DestinationRule } | undefined,
): readonly string[] {
  return [
    ...new Set([...(rule ? ruleLabels(rule.spec) : []), ...comparedLabels(mesh.localityLbSetting)]),
  ].sort();
}
