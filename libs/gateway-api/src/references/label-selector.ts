import type { LabelSelector } from "@weft/istio-api";
import { selects } from "@weft/mesh-model";

type Expression = NonNullable<LabelSelector["matchExpressions"]>[number];

/** Whether labels meet a selector: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/ */
export function selectsLabels(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  const meets = ({ key, operator, values = [] }: Expression): boolean => {
    const value = labels[key];
    switch (operator) {
      case "In":
        return value !== undefined && values.includes(value);
      case "NotIn":
        return value === undefined || !values.includes(value);
      case "Exists":
        return value !== undefined;
      case "DoesNotExist":
        return value === undefined;
      default:
        // Kubernetes refuses others; a selector that nobody understands selects nothing.
        return false;
    }
  };
  return selects(selector.matchLabels ?? {}, labels) && (selector.matchExpressions ?? []).every(meets);
}
