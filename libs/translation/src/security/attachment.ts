import { type Config, type ProxyView, selects } from "@weft/mesh-model";
import type { BuildContext } from "../context.ts";
import { configRef } from "../refs.ts";

interface TargetReference {
  readonly group?: string | undefined;
  readonly kind?: string | undefined;
  readonly name?: string | undefined;
}

/** How policies say whom they are for. */
interface Attachable {
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> | undefined } | undefined;
  readonly targetRef?: TargetReference | undefined;
  readonly targetRefs?: readonly TargetReference[] | undefined;
}

const gatewayGroup = "gateway.networking.k8s.io";

/** Label of the pods of a Gateway of the Gateway API: its name. */
const gatewayNameLabel = "gateway.networking.k8s.io/gateway-name";

function targetsOf({ targetRef, targetRefs }: Attachable): readonly TargetReference[] {
  if (targetRefs?.length) return targetRefs;
  return targetRef === undefined ? [] : [targetRef];
}

function isGateway({ group, kind }: TargetReference): boolean {
  return group === gatewayGroup && kind === "Gateway";
}

/** Whether a policy is for the proxy's workload: by label, or as the Gateway that it serves. */
function isFor(view: ProxyView, { namespace, spec }: Config<Attachable>): boolean {
  const targets = targetsOf(spec);
  if (targets.length === 0) return selects(spec.selector?.matchLabels ?? {}, view.labels);
  const gateway = view.labels[gatewayNameLabel];
  return (
    namespace === view.node.namespace &&
    targets.some((target) => isGateway(target) && target.name !== undefined && target.name === gateway)
  );
}

/**
 * The policies of a kind that are for the proxy's workload, in Istio's order: those of the root namespace, then those of its own.
 * https://istio.io/latest/docs/reference/config/type/workload-selector/
 */
export function attachedPolicies<Spec extends Attachable>(
  view: ProxyView,
  kind: string,
): readonly Config<Spec>[] {
  // The kind was validated on the way into the snapshot.
  const all = (view.snapshot.configs.others.get(kind) ?? []) as readonly Config<Spec>[];
  const namespaces = new Set([view.snapshot.meshConfig.rootNamespace, view.node.namespace]);
  return [...namespaces].flatMap((namespace) =>
    all.filter((policy) => policy.namespace === namespace && isFor(view, policy)),
  );
}

/** Kinds that may name what they are for. */
const targetingKinds = [
  "AuthorizationPolicy",
  "RequestAuthentication",
  "Telemetry",
  "TrafficExtension",
  "WasmPlugin",
];

/** Says which policies of the proxy's namespace are for something that no proxy serves, so that nobody takes them for enforced. */
export function reportUnservedTargets({ view, problems }: Pick<BuildContext, "view" | "problems">): void {
  for (const kind of targetingKinds) {
    const all = (view.snapshot.configs.others.get(kind) ?? []) as readonly Config<Attachable>[]; // as above
    for (const policy of all.filter(({ namespace }) => namespace === view.node.namespace))
      for (const [i, target] of targetsOf(policy.spec).entries())
        if (!isGateway(target))
          problems
            .for(configRef(policy))
            .unsupported(`spec.targetRefs[${i}]`, `the target kind ${target.kind}`);
  }
}
