import type { Gateway } from "@weft/istio-api";
import type { Config } from "../config.ts";
import type { ServiceTarget } from "../service.ts";

/** The host names of the services a Gateway is for, separated by commas; set on what the Gateway API comes to. */
const serviceAnnotation = "internal.istio.io/gateway-service";

/** The namespace of those services, where it is not the Gateway's own: set on what ListenerSets come to. */
const parentNamespaceAnnotation = "internal.istio.io/parent-namespace";

/** Whether a Gateway names its services; then its ports are theirs, and its selector does not count. */
export function bindsServices({ annotations }: Pick<Config<Gateway>, "annotations">): boolean {
  return annotations[serviceAnnotation] !== undefined;
}

/** The service ports of a proxy that a Gateway is for: of the services it names, in its own or its parent's namespace; else all. */
export function gatewayTargets(
  { annotations, namespace }: Pick<Config<Gateway>, "annotations" | "namespace">,
  targets: readonly ServiceTarget[],
): readonly ServiceTarget[] {
  const names = annotations[serviceAnnotation];
  if (names === undefined) return targets;
  const home = annotations[parentNamespaceAnnotation] ?? namespace;
  const hosts = new Set(names.split(",").map((name) => name.trim()));
  return targets.filter(({ service }) => service.namespace === home && hosts.has(service.hostname));
}
