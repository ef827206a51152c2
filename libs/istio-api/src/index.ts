export type {
  EndpointSliceBody,
  KubernetesServicePort,
  PodBody,
  PodContainer,
  ServiceSpec,
  SliceEndpoint,
  SlicePort,
} from "./kubernetes/kinds.ts";
export { defaultMeshConfig, type MeshConfig, type ProxyConfig } from "./mesh/mesh-config.ts";
export type { DestinationRule, Subset } from "./networking/destination-rule.ts";
export type { Gateway, GatewayPort, Server, ServerTLSSettings } from "./networking/gateway.ts";
export type { ServiceEntry, ServiceEntryPort } from "./networking/service-entry.ts";
export type {
  IstioEgressListener,
  IstioIngressListener,
  OutboundTrafficPolicy,
  Sidecar,
  SidecarPort,
} from "./networking/sidecar.ts";
export type {
  ClientTLSSettings,
  ConnectionPoolSettings,
  LoadBalancerSettings,
  LocalityLoadBalancerSetting,
  OutlierDetection,
  PortTrafficPolicy,
  TrafficPolicy,
} from "./networking/traffic-policy.ts";
export type {
  CorsPolicy,
  Destination,
  HeaderOperations,
  Headers,
  HTTPDirectResponse,
  HTTPFaultInjection,
  HTTPMatchRequest,
  HTTPMirrorPolicy,
  HTTPRedirect,
  HTTPRetry,
  HTTPRewrite,
  HTTPRoute,
  HTTPRouteDestination,
  L4MatchAttributes,
  RouteDestination,
  StringMatch,
  TCPRoute,
  TLSMatchAttributes,
  TLSRoute,
  VirtualService,
} from "./networking/virtual-service.ts";
export type { ReadinessProbe, WorkloadEntry, WorkloadGroup } from "./networking/workload.ts";
