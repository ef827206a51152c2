import { resolveHost } from "@weft/mesh-model";
import { looksUpHosts } from "../clusters/dynamic-dns.ts";
import type { BuildContext } from "../context.ts";
import type { FilterChain, Listener } from "../ir/index.ts";
import { backendName, fixedBackends } from "../names.ts";

/** Where traffic to places goes that no service stands for. */
export function catchAllBackend({ view, mesh }: BuildContext): string {
  const { mode, egressProxy } = view.scope.outboundTrafficPolicy;
  if (mode === "REGISTRY_ONLY") return fixedBackends.blackHole;
  if (egressProxy === undefined) return fixedBackends.passthrough;
  const host = resolveHost(egressProxy.host, view.node.namespace, mesh.domainSuffix);
  return backendName(egressProxy.port?.number ?? 0, egressProxy.subset ?? "", host);
}

function tcpChain(name: string, backend: string, match?: FilterChain["match"]): FilterChain {
  return {
    name,
    ...(match ? { match } : {}),
    filter: {
      kind: "tcp",
      direction: "outbound",
      destinations: [{ backend, weight: 1 }],
      statPrefix: backend,
      exchangesMetadata: false,
    },
  };
}

/** Says where hosts of requests are not looked up, for the proxy has no filter for that. */
function reportDynamicDns({ view, mesh, problems }: BuildContext): void {
  if (view.scope.outboundTrafficPolicy.mode !== "ALLOW_ANY_DYNAMIC_DNS" || looksUpHosts(view)) return;
  const config = { apiVersion: "v1", kind: "ConfigMap", name: "istio", namespace: mesh.rootNamespace };
  const message =
    "the proxy lacks envoy.filters.http.dynamic_forward_proxy; its requests to unknown hosts go as with ALLOW_ANY";
  problems.for(config).warn("unsupported-field", "mesh.outboundTrafficPolicy.mode", message);
}

/** Takes what interception hands over, and passes it to the listener of its original destination, if there is one. */
export function virtualOutbound(context: BuildContext): Listener {
  reportDynamicDns(context);
  const port = context.mesh.proxyListenPort;
  return {
    name: "virtualOutbound",
    address: "0.0.0.0",
    port,
    bindToPort: true,
    direction: "outbound",
    role: "virtual",
    useOriginalDestination: true,
    transparent: context.view.node.interceptionMode === "TPROXY",
    inspectors: {},
    chains: [
      // Whoever calls this port itself would be sent back to it for ever.
      tcpChain("virtualOutbound-blackhole", fixedBackends.blackHole, { destinationPort: port }),
      tcpChain("virtualOutbound-catchall-tcp", catchAllBackend(context)),
    ],
    origin: [],
  };
}
