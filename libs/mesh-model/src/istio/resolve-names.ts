import type {
  Destination,
  DestinationRule,
  Gateway,
  HTTPRoute,
  MeshConfig,
  VirtualService,
} from "@weft/istio-api";
import type { Config } from "../config.ts";
import { resolveHost } from "../hostname.ts";
import type { Exported } from "../snapshot.ts";
import { parseExportTo } from "../visibility.ts";
import { isConsumerRoute } from "./route-semantics.ts";

/** The name that stands for all sidecars in `gateways` of a VirtualService. */
export const meshGateway = "mesh";

/** Makes every short name in a VirtualService whole and resolves its visibility. */
export function resolveVirtualService(
  config: Config<VirtualService>,
  mesh: MeshConfig,
): Exported<VirtualService> {
  const { namespace, spec } = config;
  const host = (name: string) => resolveHost(name, namespace, mesh.domainSuffix);
  const gateway = (name: string) => resolveGateway(name, namespace);
  const destination = <D extends { readonly destination: Destination }>(route: D): D => ({
    ...route,
    destination: { ...route.destination, host: host(route.destination.host) },
  });
  const matches = <M extends { readonly gateways?: readonly string[] }>(match: M): M =>
    match.gateways ? { ...match, gateways: match.gateways.map(gateway) } : match;
  const http = (route: HTTPRoute): HTTPRoute => ({
    ...route,
    ...(route.match ? { match: route.match.map(matches) } : {}),
    ...(route.route ? { route: route.route.map(destination) } : {}),
    ...(route.mirror ? { mirror: { ...route.mirror, host: host(route.mirror.host) } } : {}),
    ...(route.mirrors ? { mirrors: route.mirrors.map(destination) } : {}),
    ...(route.delegate
      ? { delegate: { ...route.delegate, namespace: route.delegate.namespace ?? namespace } }
      : {}),
  });
  const layer4 = <
    R extends {
      readonly match?: readonly { readonly gateways?: readonly string[] }[];
      readonly route?: readonly { readonly destination: Destination }[];
    },
  >(
    route: R,
  ): R => ({
    ...route,
    ...(route.match ? { match: route.match.map(matches) } : {}),
    ...(route.route ? { route: route.route.map(destination) } : {}),
  });
  return {
    ...config,
    exportTo: parseExportTo(
      isConsumerRoute(config, mesh.domainSuffix) ? ["."] : spec.exportTo,
      namespace,
      mesh.defaultVirtualServiceExportTo,
    ),
    spec: {
      ...spec,
      hosts: (spec.hosts ?? []).map(host),
      gateways: spec.gateways && spec.gateways.length > 0 ? spec.gateways.map(gateway) : [meshGateway],
      ...(spec.http ? { http: spec.http.map(http) } : {}),
      ...(spec.tls ? { tls: spec.tls.map(layer4) } : {}),
      ...(spec.tcp ? { tcp: spec.tcp.map(layer4) } : {}),
    },
  };
}

/** Makes the host of a DestinationRule whole and resolves its visibility. */
export function resolveDestinationRule(
  config: Config<DestinationRule>,
  mesh: MeshConfig,
): Exported<DestinationRule> {
  const { namespace, spec } = config;
  // A rule that selects client workloads can only mean those of its own namespace.
  const exportTo = spec.workloadSelector ? ["."] : spec.exportTo;
  return {
    ...config,
    exportTo: parseExportTo(exportTo, namespace, mesh.defaultDestinationRuleExportTo),
    spec: { ...spec, host: resolveHost(spec.host, namespace, mesh.domainSuffix) },
  };
}

/** Makes the hosts of a Gateway's servers whole: `./host` names the Gateway's own namespace. */
export function resolveGatewayHosts(config: Config<Gateway>, mesh: MeshConfig): Config<Gateway> {
  const { namespace, spec } = config;
  const host = (name: string): string => {
    const [scope, rest] = name.includes("/") ? name.split("/", 2) : [undefined, name];
    const whole = resolveHost(rest ?? "", namespace, mesh.domainSuffix);
    return scope === undefined ? whole : `${scope === "." ? namespace : scope}/${whole}`;
  };
  return {
    ...config,
    spec: {
      ...spec,
      servers: (spec.servers ?? []).map((server) => ({ ...server, hosts: server.hosts.map(host) })),
    },
  };
}

/** Makes the name of a gateway whole: `mesh` stays, else `namespace/name`; host names of old Istio are cut. */
export function resolveGateway(name: string, namespace: string): string {
  if (name === meshGateway) return name;
  if (name.includes("/")) return name.startsWith("./") ? `${namespace}/${name.slice(2)}` : name;
  // gateway.namespace.svc.cluster.local and gateway.namespace are spellings of Istio 1.0.
  const [gateway = "", ns] = name.split(".");
  return ns === undefined ? `${namespace}/${name}` : `${ns}/${gateway}`;
}
