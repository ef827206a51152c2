import type { Protocol } from "./protocol.ts";
import type { Visibility } from "./visibility.ts";

/** How clients find the endpoints of a service (Istio's model.Resolution). */
export type Resolution =
  | "ClientSideLB"
  | "DNSLB"
  | "DNSRoundRobinLB"
  | "Passthrough"
  | "Alias"
  | "DynamicDNS";

/** A port of a service. */
export interface ServicePort {
  /** Unique in the service; may be empty where the service has one port. */
  readonly name: string;
  /** The port clients use. */
  readonly port: number;
  readonly protocol: Protocol;
  /** Where the endpoints listen: a number, the name of a container port, or absent for `port` itself. */
  readonly targetPort?: number | string;
}

/** A service of any registry, by its fully qualified host name. Endpoints are kept apart, in the endpoint index. */
export interface Service {
  readonly hostname: string;
  readonly name: string;
  readonly namespace: string;
  readonly ports: readonly ServicePort[];
  /** Virtual IPs; empty for headless services and external ones without addresses. */
  readonly addresses: readonly string[];
  /** Addresses that Weft chose where {@link addresses} is empty; see addressesFor(). */
  readonly autoAllocatedAddresses?: readonly string[];
  readonly resolution: Resolution;
  /** Outside the mesh: no mutual TLS by default. */
  readonly meshExternal: boolean;
  readonly exportTo: Visibility;
  /** Labels of the service object itself. */
  readonly labels: Readonly<Record<string, string>>;
  /** Workload labels the service selects by; absent where it selects nothing. */
  readonly selector?: Readonly<Record<string, string>>;
  readonly registry: "Kubernetes" | "External";
  /** Milliseconds since the epoch; 0 where unknown. */
  readonly createdAt: number;
  /** For ExternalName services: the host it stands for. */
  readonly aliasOf?: string;
  /** Names a ServiceEntry expects in the certificates of its endpoints. */
  readonly subjectAltNames?: readonly string[];
  /** The service asks that clients stay near (trafficDistribution, or the annotation networking.istio.io/traffic-distribution). */
  readonly trafficDistribution?: "PreferClose";
  /** Endpoints that are not ready are part of the service (publishNotReadyAddresses). */
  readonly publishNotReadyAddresses?: boolean;
  /** Hash of the object it comes from; equal content, equal version. */
  readonly version: string;
}

/** Region, zone and sub-zone; empty strings where unknown. */
export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subzone: string;
}

/** One address of one port of a service. */
export interface Endpoint {
  /** An IP address, or a host name for services resolved by DNS. */
  readonly address: string;
  readonly port: number;
  /** Name of the {@link ServicePort} this endpoint serves. */
  readonly servicePortName: string;
  readonly health: "HEALTHY" | "UNHEALTHY" | "DRAINING";
  /** Relative weight; 1 unless configured. */
  readonly weight: number;
  readonly locality: Locality;
  /** Labels of the workload behind it, with the topology labels Istio adds; subsets select by them. */
  readonly labels: Readonly<Record<string, string>>;
  /** Namespace of the workload; empty where it is unknown. */
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Name of the deployment or other controller; empty where no workload is known. */
  readonly workloadName: string;
  /** Canonical service and revision (labels service.istio.io/canonical-*, app, version); empty where unknown. */
  readonly canonicalName: string;
  readonly canonicalRevision: string;
  /** `istio` where the workload's proxy takes mutual TLS (label security.istio.io/tlsMode). */
  readonly tlsMode: "istio" | "disabled";
  readonly clusterId: string;
  readonly network: string;
  readonly nodeName?: string;
  readonly podName?: string;
  /** First label of the pod's own DNS name below a headless service. */
  readonly hostname?: string;
}

/** A port of a service that a proxy serves itself, and where the application listens for it. */
export interface ServiceTarget {
  readonly service: Service;
  readonly port: ServicePort;
  readonly targetPort: number;
}

/** Whether the labels hold all of the selector's; an empty selector selects everything. */
export function selects(
  selector: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): boolean {
  for (const name in selector) if (labels[name] !== selector[name]) return false;
  return true;
}
