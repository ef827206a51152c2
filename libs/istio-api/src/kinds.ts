import { trafficExtensionSpec, wasmPluginSpec } from "./extensions/traffic-extension.ts";
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
