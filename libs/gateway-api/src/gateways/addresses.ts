import type { KubernetesGatewaySpec } from "@weft/istio-api";
import type { Config } from "@weft/mesh-model";
import type { Failure } from "../conditions.ts";
import type { GatewayApiInput } from "../input.ts";
import { serviceHostname } from "../names.ts";
import type { GatewayClass } from "./classes.ts";

/** The Services whose pods serve a Gateway. */
export interface GatewayServices {
  readonly hostnames: readonly string[];
  /** Set where a controller makes the Service and its pods: the service account it gives them. */
  readonly managedName?: string;
  readonly failure?: Failure;
}

/** Whether a controller makes the Gateway's Service and pods; with a host name as address, somebody has made them. */
function isManaged({ addresses = [] }: KubernetesGatewaySpec): boolean {
  const [first, ...others] = addresses;
  if (first === undefined) return true;
  return others.length === 0 && (first.type === undefined || first.type === "IPAddress");
}

/** Finds the Services that a Gateway is served by: https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/ */
export function servicesOf(
  { name, namespace, annotations, spec }: Config<KubernetesGatewaySpec>,
  { plainName }: GatewayClass,
  { domainSuffix }: GatewayApiInput,
): GatewayServices {
  if (isManaged(spec)) {
    const byClass = plainName ? name : `${name}-${spec.gatewayClassName}`;
    const service = annotations["gateway.istio.io/name-override"] ?? byClass;
    const managedName = annotations["gateway.istio.io/service-account"] ?? byClass;
    return { hostnames: [serviceHostname(service, namespace, domainSuffix)], managedName };
  }
  const hostnames: string[] = [];
  const ignored: string[] = [];
  for (const { type = "Hostname", value = "" } of spec.addresses ?? []) {
    if (type !== "Hostname") ignored.push(value);
    else hostnames.push(value.includes(".") ? value : serviceHostname(value, namespace, domainSuffix));
  }
  if (ignored.length === 0) return { hostnames };
  const message = `only Hostname is supported, ignoring [${ignored.join(" ")}]`;
  return { hostnames, failure: { reason: "UnsupportedAddress", message } };
}

/** What the Services of a Gateway give to its ports. */
export interface Assignment {
  /** `host:port` of each port that a Service has, sorted. */
  readonly assigned: readonly string[];
  /** Addresses that clients can reach it by. */
  readonly addresses: readonly string[];
  readonly failure?: Failure;
}

/** Looks the ports of listeners up in the Services. Whether pods are ready is not asked. */
export function assignPorts(
  hostnames: readonly string[],
  listenPorts: Iterable<number>,
  input: GatewayApiInput,
): Assignment {
  const ports = [...new Set(listenPorts)].sort((a, b) => a - b);
  const assigned: string[] = [];
  const external = new Set<string>();
  const internal = new Set<string>();
  const warnings: string[] = [];
  for (const hostname of hostnames) {
    const service = input.service(hostname);
    if (service === undefined) {
      warnings.push(`hostname "${hostname}" not found`);
      continue;
    }
    for (const port of ports) {
      if (service.ports.some(({ number }) => number === port)) {
        assigned.push(`${hostname}:${port}`);
        internal.add(hostname);
        for (const address of service.externalAddresses) external.add(address);
        continue;
      }
      const meant = service.ports.filter(({ targetPort }) => targetPort === port).map((p) => p.number);
      const hint =
        meant.length === 0
          ? ""
          : ` (hint: the service port should be specified, not the workload port. Did you mean one of these ports: [${meant.join(" ")}]?)`;
      warnings.push(`port ${port} not found for hostname "${hostname}"${hint}`);
    }
  }
  assigned.sort();
  const addresses = [...(external.size > 0 ? external : internal)].sort();
  const failure = failureOf(hostnames, assigned, warnings);
  return { assigned, addresses, ...(failure ? { failure } : {}) };
}

function failureOf(
  hostnames: readonly string[],
  assigned: readonly string[],
  warnings: readonly string[],
): Failure | undefined {
  if (hostnames.length === 0)
    return { reason: "UnsupportedAddress", message: "Failed to assign to any requested addresses" };
  if (warnings.length === 0) return undefined;
  const start =
    assigned.length === 0
      ? "Failed to assign to any requested addresses"
      : `Assigned to service(s) ${enumerate(assigned)}, but failed to assign to all requested addresses`;
  return { reason: "AddressNotUsable", message: `${start}: ${warnings.join("; ")}` };
}

/** `a`, `a and b`, `a, b, and c`. */
export function enumerate(items: readonly string[]): string {
  if (items.length <= 2) return items.join(" and ");
  return `${items.slice(0, -1).join(", ")}, and ${items.at(-1)}`;
}
