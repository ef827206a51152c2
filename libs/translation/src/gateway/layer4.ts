import type { RouteDestination, VirtualService } from "@weft/istio-api";
import { type Config, type Exported, hostsOverlap, virtualServicesOf } from "@weft/mesh-model";
import type { BuildContext } from "../context.ts";
import type { TcpForward } from "../ir/index.ts";
import { forwardTo } from "../listeners/layer4-routes.ts";
import { buildAuthorization } from "../security/authorization.ts";
import type { GatewayServer } from "./servers.ts";

/** Bytes of some server names, and where they go. */
export interface NamedForward {
  /** Empty: of all names. */
  readonly serverNames: readonly string[];
  readonly filter: TcpForward;
  readonly config: Config<VirtualService>;
  /** Of the match in the VirtualService. */
  readonly path: string;
}

function gatewayName({ gateway }: GatewayServer): string {
  return `${gateway.namespace}/${gateway.name}`;
}

/** Whether a server takes a host of a VirtualService; `ns/host` entries take those of that namespace. */
function takesHosts({ server }: GatewayServer, { spec, namespace }: Exported<VirtualService>): boolean {
  return server.hosts.some((entry) => {
    const slash = entry.indexOf("/");
    const scope = slash < 0 ? "*" : entry.slice(0, slash);
    if (scope !== "*" && scope !== namespace) return false;
    return spec.hosts?.some((host) => hostsOverlap(entry.slice(slash + 1), host)) ?? false;
  });
}

/** The VirtualServices of a server, in order. */
function routesFor(context: BuildContext, entry: GatewayServer): readonly Exported<VirtualService>[] {
  return virtualServicesOf(context.view, gatewayName(entry)).filter((config) => takesHosts(entry, config));
}

interface Layer4Match {
  readonly port?: number;
  readonly gateways?: readonly string[];
}

/** At a gateway only its port and its name count: it sees clients from anywhere. */
function applies(match: Layer4Match, entry: GatewayServer): boolean {
  if (match.port !== undefined && match.port !== entry.server.port.number) return false;
  return !match.gateways?.length || match.gateways.includes(gatewayName(entry));
}

function forward(
  context: BuildContext,
  entry: GatewayServer,
  config: Exported<VirtualService>,
  route: readonly RouteDestination[],
): TcpForward {
  const { server } = entry;
  const tcp = {
    kind: "tcp" as const,
    direction: "outbound" as const,
    port: server.port.number,
    destinations: [],
    statPrefix: "",
    exchangesMetadata: server.tls?.mode === "ISTIO_MUTUAL",
    authorization: buildAuthorization(context, "tcp"),
  };
  return forwardTo(context, config, { port: server.port.number, tcp }, route);
}

/** Where all bytes of a server go: by the first TCP route that applies. Undefined: nowhere. */
export function tcpForward(context: BuildContext, entry: GatewayServer): TcpForward | undefined {
  for (const config of routesFor(context, entry))
    for (const { match, route } of config.spec.tcp ?? []) {
      if (!route?.length) continue;
      if (!match?.length || match.some((one) => applies(one, entry)))
        return forward(context, entry, config, route);
    }
  return undefined;
}

/** Where TLS goes that is passed through, by server name: one for each match of the TLS routes that apply. */
export function tlsForwards(context: BuildContext, entry: GatewayServer): readonly NamedForward[] {
  return routesFor(context, entry).flatMap((config) =>
    (config.spec.tls ?? []).flatMap(({ match, route }, index) =>
      route?.length
        ? match.flatMap((one, i) =>
            applies(one, entry)
              ? [
                  {
                    serverNames: one.sniHosts.includes("*") ? [] : [...one.sniHosts].sort(),
                    filter: forward(context, entry, config, route),
                    config,
                    path: `spec.tls[${index}].match[${i}]`,
                  },
                ]
              : [],
          )
        : [],
    ),
  );
}
