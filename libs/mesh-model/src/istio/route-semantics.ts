import type { VirtualService } from "@weft/istio-api";
import type { Config } from "../config.ts";

/** Whether a VirtualService stands for a route of the Gateway API, whose rules then hold for it. */
export function hasGatewaySemantics({ annotations }: Pick<Config<VirtualService>, "annotations">): boolean {
  return annotations["internal.istio.io/route-semantics"] === "gateway";
}

/**
 * Whether a VirtualService stands for a consumer's route: one for a Kubernetes Service of another namespace, which only
 * the clients of its own namespace follow. https://gateway-api.sigs.k8s.io/mesh/#consumer-routes
 */
export function isConsumerRoute(config: Config<VirtualService>, domainSuffix: string): boolean {
  const suffix = `.svc.${domainSuffix}`;
  const { hosts = [], gateways = ["mesh"] } = config.spec;
  if (!hasGatewaySemantics(config) || !gateways.includes("mesh")) return false;
  const ofServices = hosts.filter((host) => host.endsWith(suffix));
  return ofServices.length > 0 && ofServices.every((host) => !host.endsWith(`.${config.namespace}${suffix}`));
}
