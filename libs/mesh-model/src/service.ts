/** Application protocol of a service port, as Istio names them. `Unsupported` means: to be sniffed. */
export type Protocol =
  | "HTTP"
  | "HTTP2"
  | "HTTPS"
  | "HTTP_PROXY"
  | "GRPC"
  | "GRPC-Web"
  | "TCP"
  | "TLS"
  | "UDP"
  | "Mongo"
  | "Redis"
  | "MySQL"
  | "Unsupported";

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

/** Who may see an object: everyone, nobody, or a list of namespaces (`.` already resolved). */
export type Visibility =
  | { readonly kind: "public" }
  | { readonly kind: "none" }
  | { readonly kind: "namespaces"; readonly namespaces: readonly string[] };

/** A service of any registry, by its fully qualified host name. Endpoints are kept apart, in the endpoint index. */
export interface Service {
  readonly hostname: string;
  readonly name: string;
  readonly namespace: string;
  readonly ports: readonly ServicePort[];
  /** Virtual IPs; empty for headless services. */
  readonly addresses: readonly string[];
  readonly resolution: Resolution;
  readonly meshExternal: boolean;
  readonly exportTo: Visibility;
  /** Labels of the service object itself. */
  readonly labels: Readonly<Record<string, string>>;
  /** Pod labels the service selects by; absent where it selects nothing. */
  readonly selector?: Readonly<Record<string, string>>;
  readonly registry: "Kubernetes" | "External";
  /** Milliseconds since the epoch; 0 where unknown. */
  readonly createdAt: number;
  /** For ExternalName services and aliases: the host it stands for. */
  readonly aliasOf?: string;
}

/** Region, zone and sub-zone; empty strings where unknown. */
export interface Locality {
  readonly region: string;
  readonly zone: string;
  readonly subzone: string;
}

/** One address of one port of a service. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** Name of the {@link ServicePort} this endpoint serves. */
  readonly servicePortName: string;
  readonly health: "HEALTHY" | "UNHEALTHY" | "DRAINING";
  /** Relative weight; 1 unless configured. */
  readonly weight: number;
  readonly locality: Locality;
  /** Labels of the workload behind it; subsets select by them. */
  readonly labels: Readonly<Record<string, string>>;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly workloadName: string;
  /** `istio` where the workload's proxy takes mutual TLS (label security.istio.io/tlsMode). */
  readonly tlsMode: "istio" | "disabled";
  readonly clusterId: string;
  readonly network: string;
  readonly nodeName?: string;
  readonly podName?: string;
}
