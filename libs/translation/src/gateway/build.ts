import type { BuildContext } from "../context.ts";
import type { DownstreamTls, FilterChain, Listener, RouteTable } from "../ir/index.ts";
import { configRef } from "../refs.ts";
import { buildAuthorization } from "../security/authorization.ts";
import { buildGatewayTable } from "./routes.ts";
import {
  type GatewayServer,
  groupServers,
  httpsTableName,
  httpTableName,
  isPlainHttp,
  type ServerGroup,
} from "./servers.ts";

/** A gateway's listeners and the tables they route by. */
export interface BuiltGateway {
  readonly listeners: readonly Listener[];
  readonly routes: readonly RouteTable[];
}

function httpFilter(context: BuildContext, group: ServerGroup, table: string): FilterChain["filter"] {
  return {
    kind: "http",
    direction: "gateway",
    statPrefix: `outbound_${group.bind}_${group.port};`,
    routes: { kind: "rds", name: table },
    authorization: buildAuthorization(context, "http"),
    forwardProxy: false,
    http10: context.view.node.metadata.HTTP10 === "1",
    grpcWeb: group.servers.some(({ server }) => server.port.protocol.toUpperCase() === "GRPC-WEB"),
  };
}

function meshTls(context: BuildContext): DownstreamTls {
  const { trustDomain, trustDomainAliases } = context.mesh;
  return { alpn: ["h2", "http/1.1"], trustDomains: [trustDomain, ...trustDomainAliases] };
}

function serverNames({ server }: GatewayServer): readonly string[] {
  const hosts = server.hosts.map((entry) => entry.slice(entry.indexOf("/") + 1));
  // Every name: no name to match.
  return hosts.includes("*") ? [] : [...new Set(hosts)].sort();
}

function buildGroup(context: BuildContext, group: ServerGroup): { listener: Listener; routes: RouteTable[] } {
  const plain = group.servers.filter(isPlainHttp);
  const secure = group.servers.filter((entry) => !isPlainHttp(entry));
  const chains: FilterChain[] = [];
  const routes: RouteTable[] = [];
  if (plain.length > 0) {
    const name = httpTableName(group);
    chains.push({ filter: httpFilter(context, group, name) });
    routes.push(buildGatewayTable(context, name, plain));
  }
  for (const entry of secure) {
    const name = httpsTableName(entry);
    const names = serverNames(entry);
    chains.push({
      ...(names.length > 0 ? { match: { serverNames: names } } : {}),
      tls: meshTls(context),
      filter: httpFilter(context, group, name),
    });
    routes.push(buildGatewayTable(context, name, [entry]));
  }
  const listener: Listener = {
    name: `${group.bind}_${group.port}`,
    address: group.bind,
    port: group.port,
    bindToPort: true,
    direction: "outbound",
    role: "gateway",
    useOriginalDestination: false,
    inspectors: secure.length > 0 ? { tls: { kind: "except", ports: [] } } : {},
    chains,
    origin: [...new Set(group.servers.map(({ gateway }) => gateway))].map(configRef),
  };
  return { listener, routes };
}

/** What a gateway proxy listens on, by the Gateways that select it. */
export function buildGateway(context: BuildContext): BuiltGateway {
  const built = groupServers(context).map((group) => buildGroup(context, group));
  return { listeners: built.map(({ listener }) => listener), routes: built.flatMap(({ routes }) => routes) };
}
