import { hostCovers, type ProxyView } from "@weft/mesh-model";
import { type BuildContext, ruleFor, servedPorts } from "../context.ts";
import type { FilterChain } from "../ir/index.ts";
import { layer4Policy } from "../listeners/layer4-policy.ts";
import { backendName, backendSni } from "../names.ts";
import { type GatewayServer, namesOf } from "./servers.ts";

/** Protocols that the mesh's proxies offer each other in handshakes. */
const meshProtocols = ["istio", "istio-peer-exchange", "istio-http/1.0", "istio-http/1.1", "istio-h2"];

/** Whether a gateway hands mutual TLS of other proxies on, by the backend that the handshake names. */
export function passesMeshTrafficOn({ gateways }: ProxyView): boolean {
  return gateways.some(({ spec }) => spec.servers?.some(({ tls }) => tls?.mode === "AUTO_PASSTHROUGH"));
}

/** A chain for the handshakes that name one backend. */
export interface MeshChain {
  readonly chain: FilterChain;
  readonly serverName: string;
}

/**
 * The chains of an AUTO_PASSTHROUGH server: one for each backend of the mesh whose host the server takes, and for each
 * subset of it. No policy is asked: the bytes are another's, who will ask.
 * https://istio.io/latest/docs/reference/config/networking/gateway/#ServerTLSSettings-TLSmode
 */
export function meshChains(context: BuildContext, { server }: GatewayServer): readonly MeshChain[] {
  const names = namesOf(server);
  const taken = context.view.scope.services.filter(
    ({ meshExternal, hostname }) => !meshExternal && names.some((name) => hostCovers(name, hostname)),
  );
  return taken.flatMap((service) => {
    const rule = ruleFor(context, service);
    const subsets = ["", ...(rule?.spec.subsets ?? []).map(({ name }) => name)];
    return servedPorts(context, service).flatMap(({ port }) =>
      subsets.map((subset) => {
        const backend = backendSni(port, subset, service.hostname);
        // The bytes are another proxy's, which has put them into its tunnel already.
        const { tunnel: _, ...policy } = layer4Policy(context, backendName(port, subset, service.hostname));
        const filter = {
          kind: "tcp" as const,
          direction: "outbound" as const,
          destinations: [{ backend, weight: 1 }],
          statPrefix: backend,
          exchangesMetadata: false,
          ...policy,
        };
        return { chain: { match: { applicationProtocols: meshProtocols }, filter }, serverName: backend };
      }),
    );
  });
}
