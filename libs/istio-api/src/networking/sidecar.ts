import { networkingWorkloadSelector } from "../schema/scalars.ts";
import { type Infer, list, message, oneOfWords, required, string, unsigned } from "../schema/schema.ts";
import { serverTLSSettings } from "./gateway.ts";
import { connectionPoolSettings } from "./traffic-policy.ts";

const sidecarPort = message({
  number: unsigned(),
  protocol: string(),
  name: string(),
  targetPort: unsigned(),
});

const captureMode = oneOfWords("DEFAULT", "IPTABLES", "NONE");

const istioIngressListener = message({
  port: required(sidecarPort),
  bind: string(),
  captureMode,
  defaultEndpoint: string(),
  tls: serverTLSSettings,
  connectionPool: connectionPoolSettings,
});

const istioEgressListener = message({
  port: sidecarPort,
  bind: string(),
  captureMode,
  hosts: required(list(string())),
});

const outboundTrafficPolicy = message({
  mode: oneOfWords("REGISTRY_ONLY", "ALLOW_ANY"),
  egressProxy: message({
    host: required(string()),
    subset: string(),
    port: message({ number: unsigned() }),
  }),
});

/** https://istio.io/latest/docs/reference/config/networking/sidecar/ */
export const sidecarSpec = message({
  workloadSelector: networkingWorkloadSelector,
  ingress: list(istioIngressListener),
  egress: list(istioEgressListener),
  inboundConnectionPool: connectionPoolSettings,
  outboundTrafficPolicy,
});

/** `spec` of a Sidecar. */
export type Sidecar = Infer<typeof sidecarSpec>;
/** A port a Sidecar listens on. */
export type SidecarPort = Infer<typeof sidecarPort>;
/** A listener for traffic to the workload. */
export type IstioIngressListener = Infer<typeof istioIngressListener>;
/** A listener for traffic of the workload, and the `namespace/host` entries it reaches. */
export type IstioEgressListener = Infer<typeof istioEgressListener>;
/** What happens to traffic to hosts that nobody has declared. */
export type OutboundTrafficPolicy = Infer<typeof outboundTrafficPolicy>;
