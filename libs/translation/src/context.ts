import type { ObjectRef } from "@weft/base";
import type { MeshConfig } from "@weft/istio-api";
import {
  type ConsolidatedDestinationRule,
  destinationRuleOf,
  type ProxyView,
  type Service,
  type ServicePort,
} from "@weft/mesh-model";
import { looksUpHosts, namesItsHost } from "./clusters/dynamic-dns.ts";
import { buildHashPolicies, effectivePolicy } from "./clusters/policy.ts";
import type { HashPolicy } from "./ir/index.ts";
import type { IdentityMemo } from "./memo.ts";
import type { ProblemList, Reporter } from "./problems.ts";
import { configRef } from "./refs.ts";
import { type MtlsMode, mtlsModeOf } from "./security/peer-authentication.ts";

/** What every builder needs: the view, and where results and problems are kept. */
export interface BuildContext {
  readonly view: ProxyView;
  readonly mesh: MeshConfig;
  readonly memo: IdentityMemo;
  readonly problems: ProblemList;
  /** Whether this proxy has the mesh's certificates: else it gets and asks for plain text. */
  readonly mutualTls: boolean;
  /** Where the proxy runs, for the order of endpoints. */
  readonly locality: { readonly region: string; readonly zone: string; readonly subzone: string };
}

/**
 * A proxy has the mesh's certificates where its workload says so (label security.istio.io/tlsMode), or where Istio's
 * own agent stands behind it, which always serves them.
 */
export function hasCertificates(view: ProxyView): boolean {
  return view.node.istioVersion !== undefined || view.labels["security.istio.io/tlsMode"] === "istio";
}

export function createContext(view: ProxyView, memo: IdentityMemo, problems: ProblemList): BuildContext {
  const own = view.node.locality;
  return {
    view,
    mesh: view.snapshot.meshConfig,
    memo,
    problems,
    mutualTls: hasCertificates(view),
    locality: own.region !== "" ? own : (view.workload?.locality ?? own),
  };
}

/** The DestinationRule for this proxy's traffic to a service. */
export function ruleFor(
  context: BuildContext,
  service: Pick<Service, "hostname" | "namespace">,
): ConsolidatedDestinationRule | undefined {
  return destinationRuleOf(context.view, service);
}

/** A reporter for a DestinationRule. */
export function reporterFor(
  context: BuildContext,
  config: Parameters<typeof configRef>[0] | undefined,
): Reporter | undefined {
  return config && context.problems.for(configRef(config));
}

/** What requests to a host are hashed by. */
export function hashPoliciesFor(
  context: BuildContext,
  host: string,
  port: number,
  subset: string,
): readonly HashPolicy[] {
  const service = context.view.scope.servicesByHostname.get(host);
  const rule = service && ruleFor(context, service);
  return rule ? buildHashPolicies(effectivePolicy(rule.spec, port, subset).loadBalancer) : [];
}

/** How the servers of a service port take connections, so that clients ask for what they will get. */
export function serviceMtlsMode(context: BuildContext, service: Service, port: ServicePort): MtlsMode {
  return mtlsModeOf(context.view.snapshot, {
    namespace: service.namespace,
    labels: service.selector ?? {},
    port: typeof port.targetPort === "number" ? port.targetPort : port.port,
  });
}

/** The object a service was made from. */
export function serviceRef(service: Service): ObjectRef {
  return service.registry === "Kubernetes"
    ? { apiVersion: "v1", kind: "Service", name: service.name, namespace: service.namespace }
    : {
        apiVersion: "networking.istio.io/v1",
        kind: "ServiceEntry",
        name: service.name,
        namespace: service.namespace,
      };
}

/**
 * The ports of a service that traffic can be sent to. An alias is a further name of another service and has none;
 * where the hosts are found by what traffic says, only ports have one whose traffic says something.
 */
export function servedPorts(context: BuildContext, { resolution, ports }: Service): readonly ServicePort[] {
  switch (resolution) {
    case "Alias":
      return [];
    case "DynamicDNS":
      return looksUpHosts(context.view) ? ports.filter(namesItsHost) : [];
    default:
      return ports.filter(({ protocol }) => protocol !== "UDP");
  }
}
