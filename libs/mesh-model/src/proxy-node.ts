import type { Locality } from "./service.ts";

/** The proxy a configuration is for, as its xDS node says. */
export interface ProxyNode {
  /** `sidecar~IP~POD.NAMESPACE~NAMESPACE.svc.DOMAIN` or `router~…` */
  readonly id: string;
  readonly type: "sidecar" | "router";
  /** At least one; the first is the proxy's own. */
  readonly ipAddresses: readonly string[];
  /** Third part of the id, as in `productpage-v1-1.default`. */
  readonly name: string;
  /** Name of the pod: the third part of the id without its namespace. */
  readonly podName: string;
  readonly namespace: string;
  /** `NAMESPACE.svc.DOMAIN` */
  readonly dnsDomain: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  /** Namespace of the identity it has proved to have; absent where it has proved none, and gets no Secrets. */
  readonly verifiedNamespace?: string;
  readonly clusterId: string;
  readonly meshId: string;
  readonly network: string;
  /** Its agent answers the workload's DNS queries (node metadata DNS_CAPTURE). */
  readonly capturesDns: boolean;
  /** REDIRECT, TPROXY or NONE (nothing is intercepted: listeners bind their own ports). */
  readonly interceptionMode: "REDIRECT" | "TPROXY" | "NONE";
  readonly workloadName: string;
  /** Version of Istio the node says it has; absent for others. */
  readonly istioVersion?: string;
  /** Names of compiled-in extensions, as Envoy lists them; absent where the node carries no list. */
  readonly extensions?: readonly string[];
  /** Port for an explicit HTTP proxy listener (node metadata HTTP_PROXY_PORT). */
  readonly httpProxyPort?: number;
  /** The node's metadata, untouched. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly locality: Locality;
}
