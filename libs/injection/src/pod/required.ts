import { isObject } from "./merge.ts";
import type { PodMetadata, PodSpec } from "./types.ts";

/** `matchLabels` and `matchExpressions` of Kubernetes. */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/** Whether pods that say nothing are injected, and which are in any case. */
export interface InjectionPolicy {
  /** `enabled` or `disabled`; anything else injects nothing. */
  readonly policy?: string;
  readonly neverInjectSelector?: readonly LabelSelector[];
  readonly alwaysInjectSelector?: readonly LabelSelector[];
}

/** Namespaces of Kubernetes itself, where nothing is ever injected. */
export const ignoredNamespaces: readonly string[] = [
  "kube-system",
  "kube-public",
  "kube-node-lease",
  "local-path-storage",
];

const name = "sidecar.istio.io/inject";

/**
 * Whether a pod is injected: never on the host's network, where there is nothing of its own to redirect; then by its
 * own label, else its annotation, else selectors, else the policy.
 */
export function injectionRequired(policy: InjectionPolicy, spec: PodSpec, metadata: PodMetadata): boolean {
  if (spec.hostNetwork || ignoredNamespaces.includes(metadata.namespace ?? "")) return false;
  if (policy.policy !== "enabled" && policy.policy !== "disabled") return false;
  const said = metadata.labels?.[name] ?? metadata.annotations?.[name];
  if (said === "true" || said === "false") return said === "true";
  const labels = metadata.labels ?? {};
  const matches = (selectors: readonly LabelSelector[] | undefined) =>
    (selectors ?? []).some((selector) => !isEmpty(selector) && selects(selector, labels));
  if (matches(policy.neverInjectSelector)) return false;
  if (matches(policy.alwaysInjectSelector)) return true;
  return policy.policy === "enabled";
}

function isEmpty({ matchLabels, matchExpressions }: LabelSelector): boolean {
  return (
    (!isObject(matchLabels) || Object.keys(matchLabels).length === 0) && (matchExpressions ?? []).length === 0
  );
}

function selects(
  { matchLabels, matchExpressions }: LabelSelector,
  labels: Readonly<Record<string, string>>,
): boolean {
  const equal = Object.entries(matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return (
    equal &&
    (matchExpressions ?? []).every(({ key, operator, values = [] }) => {
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
          return false;
      }
    })
  );
}
