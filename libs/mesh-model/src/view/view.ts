import type { Gateway, Sidecar, VirtualService } from "@weft/istio-api";
import type { Config } from "../config.ts";
import type { Workload } from "../kubernetes/workload.ts";
import type { ProxyNode } from "../proxy-node.ts";
import { type Service, type ServiceTarget, selects } from "../service.ts";
import type { Exported, MeshSnapshot } from "../snapshot.ts";
import { type ConsolidatedDestinationRule, destinationRuleFor } from "./destination-rules.ts";
import { defaultScope, type EgressScope, sidecarScope } from "./egress-scope.ts";
import { bindsServices, gatewayTargets } from "./gateway-services.ts";
import { serviceTargetsOf, workloadOf } from "./service-targets.ts";
import { virtualServicesForGateway } from "./virtual-services.ts";

/** What one proxy may see of the mesh, every rule of visibility and selection applied. */
export interface ProxyView {
  readonly node: ProxyNode;
  readonly snapshot: MeshSnapshot;
  /** What it reaches; the same object for all proxies with the same {@link scopeKey} in this snapshot. */
  readonly scope: EgressScope;
  readonly scopeKey: string;
  /** The pod it stands beside, where one is known. */
  readonly workload?: Workload;
  /** Labels of the workload: those the node brings, else the pod's. */
  readonly labels: Readonly<Record<string, string>>;
  /** The service ports it serves, in Istio's order. */
  readonly serviceTargets: readonly ServiceTarget[];
  /** For a gateway: the Gateways that select it, in Istio's order. */
  readonly gateways: readonly Config<Gateway>[];
}

/** The view of one proxy. Cheap: what is large is shared between views. */
export function viewFor(snapshot: MeshSnapshot, node: ProxyNode): ProxyView {
  const workload = workloadOf(snapshot, node);
  const labels = Object.keys(node.labels).length > 0 ? node.labels : (workload?.labels ?? {});
  const sidecar = node.type === "sidecar" ? sidecarFor(snapshot, node.namespace, labels) : undefined;
  const scope = sidecar
    ? sidecarScope(snapshot, node.namespace, sidecar)
    : defaultScope(snapshot, node.namespace);
  const serviceTargets = serviceTargetsOf(snapshot, node, workload);
  return {
    node,
    snapshot,
    scope,
    scopeKey: scope.key,
    ...(workload ? { workload } : {}),
    labels,
    serviceTargets,
    gateways: node.type === "router" ? gatewaysFor(snapshot, labels, serviceTargets) : [],
  };
}

/** The Sidecar that applies: one that selects the workload, else the namespace's, else the root namespace's. */
function sidecarFor(
  snapshot: MeshSnapshot,
  namespace: string,
  labels: Readonly<Record<string, string>>,
): Config<Sidecar> | undefined {
  const { sidecars } = snapshot.configs;
  const forAll = ({ spec }: Config<Sidecar>) => Object.keys(spec.workloadSelector?.labels ?? {}).length === 0;
  const own = sidecars.filter((sidecar) => sidecar.namespace === namespace);
  return (
    own.find((sidecar) => !forAll(sidecar) && selects(sidecar.spec.workloadSelector?.labels ?? {}, labels)) ??
    own.find(forAll) ??
    sidecars.find((sidecar) => sidecar.namespace === snapshot.meshConfig.rootNamespace && forAll(sidecar))
  );
}

function gatewaysFor(
  snapshot: MeshSnapshot,
  labels: Readonly<Record<string, string>>,
  targets: readonly ServiceTarget[],
): readonly Config<Gateway>[] {
  return snapshot.configs.gateways.filter((gateway) =>
    bindsServices(gateway)
      ? gatewayTargets(gateway, targets).length > 0
      : selects(gateway.spec.selector ?? {}, labels),
  );
}

/** The DestinationRule for this proxy's traffic to a service; see {@link destinationRuleFor}. */
export function destinationRuleOf(
  view: ProxyView,
  service: Pick<Service, "hostname" | "namespace">,
): ConsolidatedDestinationRule | undefined {
  const { snapshot, node, labels } = view;
  return destinationRuleFor(snapshot, { namespace: node.namespace, labels }, service);
}

/** The VirtualServices of a gateway (`namespace/name`) that this proxy may see; see {@link virtualServicesForGateway}. */
export function virtualServicesOf(view: ProxyView, gateway: string): readonly Exported<VirtualService>[] {
  return virtualServicesForGateway(view.snapshot, view.node.namespace, gateway);
}
