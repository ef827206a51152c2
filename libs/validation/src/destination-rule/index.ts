import type { DestinationRule } from "@weft/istio-api";
import type { Config } from "@weft/mesh-model";
import { checkExportTo } from "../export-to.ts";
import { each, type Findings } from "../findings.ts";
import { checkLabels } from "../labels.ts";
import { wildcardDomainMessage } from "../names.ts";
import { duplicates } from "../values.ts";
import { isSubsetName } from "../virtual-service/destination.ts";
import { checkTrafficPolicy } from "./traffic-policy.ts";

/** Checks a DestinationRule: https://istio.io/latest/docs/reference/config/networking/destination-rule/ */
export function checkDestinationRule(config: Config<DestinationRule>, findings: Findings): void {
  const { spec, namespace } = config;
  const message = wildcardDomainMessage(spec.host);
  if (message !== undefined) findings.error("host", "invalid-host", message);
  if (spec.trafficPolicy) checkTrafficPolicy(spec.trafficPolicy, findings.at("trafficPolicy"));
  each(spec.subsets, "subsets", findings, ({ name, labels, trafficPolicy }, at) => {
    if (name === "" || !isSubsetName(name))
      at.error(
        "name",
        "invalid-subset",
        `"${name}" is not the name of a subset; allowed are letters, digits and -`,
      );
    checkLabels(labels, "labels", at);
    if (trafficPolicy) checkTrafficPolicy(trafficPolicy, at.at("trafficPolicy"));
  });
  for (const name of duplicates((spec.subsets ?? []).map((subset) => subset.name)))
    findings.error("subsets", "duplicate-subset", `"${name}" stands more than once; name each subset once`);
  const selector = spec.workloadSelector;
  if (selector && Object.keys(selector.matchLabels ?? {}).length === 0)
    findings.warn(
      "workloadSelector",
      "empty-selector",
      "selects every workload of the namespace; leave it out",
    );
  checkExportTo(spec.exportTo, { namespace, ownNamespaceOnly: selector !== undefined }, findings);
}
