import { workloadSelector } from "../schema/scalars.ts";
import { type Infer, list, map, message, required, string } from "../schema/schema.ts";
import { trafficPolicy } from "./traffic-policy.ts";

const subset = message({ name: required(string()), labels: map(string()), trafficPolicy });

/** https://istio.io/latest/docs/reference/config/networking/destination-rule/ */
export const destinationRuleSpec = message({
  host: required(string()),
  trafficPolicy,
  subsets: list(subset),
  exportTo: list(string()),
  workloadSelector,
});

/** `spec` of a DestinationRule. */
export type DestinationRule = Infer<typeof destinationRuleSpec>;
/** A part of a host's endpoints, by their labels, with a policy of its own. */
export type Subset = Infer<typeof subset>;
