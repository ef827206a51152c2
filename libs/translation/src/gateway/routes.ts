import type { VirtualService } from "@weft/istio-api";
import { type Config, type Exported, hostCovers, virtualServicesOf } from "@weft/mesh-model";
import { type BuildContext, hashPoliciesFor } from "../context.ts";
import type { Route, RouteTable, VirtualHost } from "../ir/index.ts";
import { hostPort } from "../names.ts";
import { configRef } from "../refs.ts";
import { isCatchAll } from "../routes/match.ts";
import { maxDirectResponseBytes } from "../routes/outbound.ts";
import { buildVirtualServiceRoutes, type RouteScope } from "../routes/virtual-service.ts";
import type { GatewayServer } from "./servers.ts";

interface Draft {
  readonly name: string;
  readonly host: string;
  readonly routes: Route[];
  requireTls: boolean;
  readonly origin: Config<unknown>[];
}

function routeScope(context: BuildContext, { gateway, server }: GatewayServer): RouteScope {
  const { view, mesh } = context;
  return {
    gateways: new Set([`${gateway.namespace}/${gateway.name}`]),
    labels: view.labels,
    namespace: view.node.namespace,
    listenPort: server.port.number,
    domainSuffix: mesh.domainSuffix,
    defaultRetries: mesh.defaultHttpRetryPolicy,
    servicePorts: (host) => view.scope.servicesByHostname.get(host)?.ports.map(({ port }) => port),
    hashPolicies: (host, port, subset) => hashPoliciesFor(context, host, port, subset),
  };
}

/** The more specific of two hosts of which one covers the other; undefined where they have nothing in common. */
function commonHost(a: string, b: string): string | undefined {
  if (hostCovers(a, b)) return b;
  return hostCovers(b, a) ? a : undefined;
}

/** Hosts that a server takes and a VirtualService speaks of; `ns/host` entries take VirtualServices of that namespace. */
function hostsOf(server: GatewayServer["server"], config: Exported<VirtualService>): readonly string[] {
  const hosts = new Set<string>();
  for (const entry of server.hosts) {
    const slash = entry.indexOf("/");
    const namespace = slash < 0 ? "*" : entry.slice(0, slash);
    if (namespace !== "*" && namespace !== config.namespace) continue;
    for (const host of config.spec.hosts ?? []) {
      const common = commonHost(entry.slice(slash + 1), host);
      if (common !== undefined) hosts.add(common);
    }
  }
  return [...hosts];
}

/** Catch-all routes after all others: VirtualServices that share a host must not hide each other's routes. */
function sortRoutes(routes: readonly Route[]): readonly Route[] {
  return [...routes.filter((route) => !isCatchAll(route)), ...routes.filter(isCatchAll)];
}

function addServer(context: BuildContext, entry: GatewayServer, drafts: Map<string, Draft>): void {
  const { gateway, server } = entry;
  const redirects = server.tls?.httpsRedirect === true;
  const hosted = new Set<string>();
  for (const config of virtualServicesOf(context.view, `${gateway.namespace}/${gateway.name}`)) {
    const hosts = hostsOf(server, config);
    if (hosts.length === 0) continue;
    const report = context.problems.for(configRef(config));
    const routes = buildVirtualServiceRoutes(config, routeScope(context, entry), report);
    for (const host of hosts) {
      hosted.add(host);
      const name = hostPort(host, server.port.number);
      const draft = drafts.get(host) ?? { name, host, routes: [], requireTls: false, origin: [] };
      drafts.set(host, draft);
      draft.routes.push(...routes);
      draft.requireTls ||= redirects;
      draft.origin.push(config, gateway);
    }
  }
  if (!redirects) return;
  // Hosts that only redirect need no VirtualService.
  for (const entryHost of server.hosts) {
    const host = entryHost.slice(entryHost.indexOf("/") + 1);
    if (hosted.has(host)) continue;
    const name = hostPort(host, server.port.number);
    const draft = drafts.get(host) ?? { name, host, routes: [], requireTls: true, origin: [gateway] };
    drafts.set(host, { ...draft, requireTls: true });
  }
}

/** The route table of a gateway's listener, or of one TLS server of it. */
export function buildGatewayTable(
  context: BuildContext,
  name: string,
  servers: readonly GatewayServer[],
): RouteTable {
  const drafts = new Map<string, Draft>();
  for (const server of servers) addServer(context, server, drafts);
  const hosts = [...drafts.values()].map(
    (draft): VirtualHost => ({
      name: draft.name,
      domains: [draft.host],
      routes: sortRoutes(draft.routes),
      countAttempts: true,
      requireTls: draft.requireTls,
      origin: draft.origin.map(configRef),
    }),
  );
  const blackHole: VirtualHost = {
    name: hostPort("blackhole", servers[0]?.server.port.number ?? 0),
    domains: ["*"],
    routes: [],
    countAttempts: false,
    requireTls: false,
    origin: servers.map(({ gateway }) => configRef(gateway)),
  };
  return {
    name,
    direction: "outbound",
    ignorePort: true,
    maxDirectResponseBytes,
    virtualHosts: hosts.length === 0 ? [blackHole] : hosts.sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}
