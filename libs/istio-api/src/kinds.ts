import { trafficExtensionSpec, wasmPluginSpec } from "./extensions/traffic-extension.ts";
import { backendTLSPolicyBody } from "./gateway-api/backend-tls-policy.ts";
import { gatewayBody, gatewayClassBody, listenerSetBody, referenceGrantBody } from "./gateway-api/gateway.ts";
import { gatewayApiGroup } from "./gateway-api/references.ts";
import { grpcRouteBody, httpRouteBody, tcpRouteBody, tlsRouteBody } from "./gateway-api/routes.ts";
import { ingressBody, ingressClassBody } from "./kubernetes/ingress.ts";
import { endpointSliceBody, metadataOnlyBody, podBody, serviceBody } from "./kubernetes/kinds.ts";
import { destinationRuleSpec } from "./networking/destination-rule.ts";
import { envoyFilterSpec } from "./networking/envoy-filter.ts";
import { gatewaySpec } from "./networking/gateway.ts";
import { proxyConfigSpec } from "./networking/proxy-config.ts";
import { serviceEntrySpec } from "./networking/service-entry.ts";
import { sidecarSpec } from "./networking/sidecar.ts";
import { virtualServiceSpec } from "./networking/virtual-service.ts";
import { workloadEntrySpec, workloadGroupSpec } from "./networking/workload.ts";
import { anything, message, required, type Schema } from "./schema/schema.ts";
import { authorizationPolicySpec } from "./security/authorization-policy.ts";
import { peerAuthenticationSpec } from "./security/peer-authentication.ts";
import { requestAuthenticationSpec } from "./security/request-authentication.ts";
import { telemetrySpec } from "./telemetry/telemetry.ts";

/** A kind of object that Weft reads. */
export interface Kind {
  /** API group; empty for Kubernetes' core. */
  readonly group: string;
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  /** Served versions, the preferred first. All have the same fields. */
  readonly versions: readonly string[];
  readonly scope: "Namespaced" | "Cluster";
  /** What stands beside apiVersion, kind and metadata. */
  readonly body: Schema;
}

const networkingVersions = ["v1", "v1beta1", "v1alpha3"];
const securityVersions = ["v1", "v1beta1"];

/** Every kind Weft reads, in order of dependence: what others refer to comes first. */
export const kinds: readonly Kind[] = [
  core("Namespace", "namespaces", "Cluster", metadataOnlyBody, ["ns"]),
  core("Node", "nodes", "Cluster", metadataOnlyBody, ["no"]),
  core("Service", "services", "Namespaced", serviceBody, ["svc"]),
  core("Pod", "pods", "Namespaced", podBody, ["po"]),
  {
    group: "discovery.k8s.io",
    kind: "EndpointSlice",
    plural: "endpointslices",
    shortNames: [],
    versions: ["v1"],
    scope: "Namespaced",
    body: endpointSliceBody,
  },
  ...ingressKinds(),
  ...gatewayApiKinds(),
  networking("ServiceEntry", "serviceentries", serviceEntrySpec, { shortName: "se", specRequired: true }),
  networking("WorkloadGroup", "workloadgroups", workloadGroupSpec, { shortName: "wg", specRequired: true }),
  networking("WorkloadEntry", "workloadentries", workloadEntrySpec, { shortName: "we", specRequired: true }),
  networking("Gateway", "gateways", gatewaySpec, { shortName: "gw" }),
  networking("VirtualService", "virtualservices", virtualServiceSpec, { shortName: "vs" }),
  networking("DestinationRule", "destinationrules", destinationRuleSpec, { shortName: "dr" }),
  networking("Sidecar", "sidecars", sidecarSpec, {}),
  networking("EnvoyFilter", "envoyfilters", envoyFilterSpec, { versions: ["v1alpha3"] }),
  networking("ProxyConfig", "proxyconfigs", proxyConfigSpec, { versions: ["v1beta1"] }),
  istio("security.istio.io", "PeerAuthentication", "peerauthentications", peerAuthenticationSpec, {
    versions: securityVersions,
    shortName: "pa",
  }),
  istio("security.istio.io", "RequestAuthentication", "requestauthentications", requestAuthenticationSpec, {
    versions: securityVersions,
    shortName: "ra",
  }),
  istio("security.istio.io", "AuthorizationPolicy", "authorizationpolicies", authorizationPolicySpec, {
    versions: securityVersions,
    shortName: "ap",
  }),
  istio("telemetry.istio.io", "Telemetry", "telemetries", telemetrySpec, {
    versions: ["v1", "v1alpha1"],
    shortName: "telemetry",
  }),
  istio("extensions.istio.io", "WasmPlugin", "wasmplugins", wasmPluginSpec, {
    versions: ["v1alpha1"],
    specRequired: true,
  }),
  istio("extensions.istio.io", "TrafficExtension", "trafficextensions", trafficExtensionSpec, {
    versions: ["v1alpha1"],
    specRequired: true,
  }),
];

/** Finds a kind by its group and name, whatever the version. */
export function findKind(group: string, kind: string): Kind | undefined {
  return kinds.find((candidate) => candidate.group === group && candidate.kind === kind);
}

/** Whether a group is one of Istio's. */
export function isIstioGroup(group: string): boolean {
  return group.endsWith(".istio.io");
}

function core(
  kind: string,
  plural: string,
  scope: Kind["scope"],
  body: Schema,
  shortNames: readonly string[],
): Kind {
  return { group: "", kind, plural, shortNames, versions: ["v1"], scope, body };
}

function ingressKinds(): readonly Kind[] {
  const of = { group: "networking.k8s.io", versions: ["v1"] };
  return [
    {
      ...of,
      kind: "IngressClass",
      plural: "ingressclasses",
      shortNames: [],
      scope: "Cluster",
      body: ingressClassBody,
    },
    {
      ...of,
      kind: "Ingress",
      plural: "ingresses",
      shortNames: ["ing"],
      scope: "Namespaced",
      body: ingressBody,
    },
  ];
}

function gatewayApiKinds(): readonly Kind[] {
  const plurals: Readonly<Record<string, string>> = {
    GatewayClass: "gatewayclasses",
    BackendTLSPolicy: "backendtlspolicies",
  };
  const v1beta1 = ["v1", "v1beta1"];
  const v1alpha2 = ["v1", "v1alpha2"];
  const kind = (name: string, versions: readonly string[], body: Schema): Kind => ({
    group: gatewayApiGroup,
    kind: name,
    plural: plurals[name] ?? `${name.toLowerCase()}s`,
    shortNames: [],
    versions,
    scope: name === "GatewayClass" ? "Cluster" : "Namespaced",
    body,
  });
  return [
    kind("GatewayClass", v1beta1, gatewayClassBody),
    kind("ReferenceGrant", [...v1beta1, "v1alpha2"], referenceGrantBody),
    kind("Gateway", v1beta1, gatewayBody),
    kind("ListenerSet", ["v1"], listenerSetBody),
    kind("HTTPRoute", v1beta1, httpRouteBody),
    kind("GRPCRoute", v1alpha2, grpcRouteBody),
    kind("TCPRoute", v1alpha2, tcpRouteBody),
    kind("TLSRoute", ["v1", "v1alpha3", "v1alpha2"], tlsRouteBody),
    kind("BackendTLSPolicy", ["v1", "v1alpha3"], backendTLSPolicyBody),
  ];
}

interface IstioKind {
  readonly versions?: readonly string[];
  readonly shortName?: string;
  /** Whether the object must have a spec; without, an empty one is meant. */
  readonly specRequired?: boolean;
}

function networking(kind: string, plural: string, spec: Schema, options: IstioKind): Kind {
  return istio("networking.istio.io", kind, plural, spec, { versions: networkingVersions, ...options });
}

function istio(group: string, kind: string, plural: string, spec: Schema, options: IstioKind): Kind {
  return {
    group,
    kind,
    plural,
    shortNames: options.shortName ? [options.shortName] : [],
    versions: options.versions ?? ["v1"],
    scope: "Namespaced",
    body: message({ spec: options.specRequired ? required(spec) : spec, status: anything() }),
  };
}
