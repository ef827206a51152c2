export { customResourceDefinitions } from "./crd/definitions.ts";
export type { TrafficExtension, TrafficSelector, WasmPlugin } from "./extensions/traffic-extension.ts";
export type {
  BackendTLSPolicySpec,
  PolicyAncestorStatus,
  PolicyTargetRef,
} from "./gateway-api/backend-tls-policy.ts";
export type {
  AllowedRoutes,
  GatewayClassSpec,
  KubernetesGatewaySpec,
  LabelSelector,
  Listener,
  ListenerSetSpec,
  ReferenceGrantSpec,
} from "./gateway-api/gateway.ts";
export {
  type BackendRef,
  type BackendReference,
  gatewayApiGroup,
  type ObjectReference,
  type ParentReference,
} from "./gateway-api/references.ts";
export type {
  GRPCRouteFilter,
  GRPCRouteMatch,
  GRPCRouteRule,
  GRPCRouteSpec,
  HTTPHeaderFilter,
  HTTPRouteFilter,
  HTTPRouteMatch,
  HTTPRouteRule,
  HTTPRouteSpec,
  TCPRouteSpec,
  TLSRouteSpec,
} from "./gateway-api/routes.ts";
export { findKind, isIstioGroup, type Kind, kinds } from "./kinds.ts";
export type { IngressBackend, IngressPath, IngressSpec } from "./kubernetes/ingress.ts";
export type {
  EndpointSliceBody,
  KubernetesServicePort,
  PodBody,
  ServiceSpec,
  SliceEndpoint,
} from "./kubernetes/kinds.ts";
export { defaultMeshConfig, type MeshConfig, type ProxyConfig } from "./mesh/mesh-config.ts";
export type { DestinationRule, Subset } from "./networking/destination-rule.ts";
export type {
  EnvoyConfigObjectMatch,
  EnvoyConfigObjectPatch,
  EnvoyFilter,
} from "./networking/envoy-filter.ts";
export type { Gateway, GatewayPort, Server, ServerTLSSettings } from "./networking/gateway.ts";
export type { ProxyConfigSpec } from "./networking/proxy-config.ts";
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
export type { PolicyTargetReference, WorkloadSelector } from "./schema/scalars.ts";
export type { Infer, Schema } from "./schema/schema.ts";
export { type Violation, validate, withoutNulls } from "./schema/validate.ts";
export type {
  AuthorizationOperation,
  AuthorizationPolicy,
  AuthorizationRule,
  AuthorizationSource,
} from "./security/authorization-policy.ts";
export type { MutualTLS, PeerAuthentication } from "./security/peer-authentication.ts";
export type { JWTRule, RequestAuthentication } from "./security/request-authentication.ts";
export type {
  Telemetry,
  TelemetryAccessLogging,
  TelemetryMetrics,
  TelemetryTracing,
} from "./telemetry/telemetry.ts";
export { validateObject } from "./validate-object.ts";
