import { serviceCaches } from "../clusters/dynamic-dns.ts";
import type { BuildContext } from "../context.ts";
import { defined } from "../envoy/scalars.ts";
import type { DownstreamTls, FilterChain, Listener, RouteTable } from "../ir/index.ts";
import type { Reporter } from "../problems.ts";
import { configRef } from "../refs.ts";
import { buildAuthentication } from "../security/authentication.ts";
import { buildAuthorization } from "../security/authorization.ts";
import { meshChains } from "./auto-passthrough.ts";
import { tcpForward, tlsForwards } from "./layer4.ts";
import { buildGatewayTable } from "./routes.ts";
import {
  type GatewayServer,
  groupServers,
  httpsTableName,
  httpTableName,
  kindOf,
  namesOf,
  type ServerGroup,
} from "./servers.ts";
import { buildServerTls } from "./tls.ts";

/** A gateway's listeners and the tables they route by. */
export interface BuiltGateway {
  readonly listeners: readonly Listener[];
  readonly routes: readonly RouteTable[];
}

/** Builds one listener of a gateway. */
class GatewayListenerBuilder {
  readonly #context: BuildContext;
  readonly #group: ServerGroup;
  readonly #chains: FilterChain[] = [];
  readonly #routes: RouteTable[] = [];
  /** Server names that a chain has; `*` stands for all. Envoy takes each once. */
  readonly #names = new Set<string>();

  constructor(context: BuildContext, group: ServerGroup) {
    this.#context = context;
    this.#group = group;
  }

  /** Undefined where nothing can be done with connections. */
  build(): { readonly listener: Listener; readonly routes: readonly RouteTable[] } | undefined {
    const { bind, port, servers } = this.#group;
    const [first] = servers;
    if (first !== undefined && kindOf(first.server) === "http") this.#addHttp();
    else for (const entry of servers) this.#addServer(entry);
    if (this.#chains.length === 0) return undefined;
    const secure = this.#chains.some(
      ({ match, tls }) => tls !== undefined || match?.serverNames !== undefined,
    );
    const listener: Listener = {
      name: `${bind}_${port}`,
      address: bind,
      port,
      bindToPort: true,
      direction: "outbound",
      role: "gateway",
      useOriginalDestination: false,
      inspectors: secure ? { tls: { kind: "except", ports: [] } } : {},
      chains: this.#chains,
      origin: [...new Set(servers.map(({ gateway }) => gateway))].map(configRef),
    };
    return { listener, routes: this.#routes };
  }

  /** Servers in plain text share a chain: the Host header tells them apart. */
  #addHttp(): void {
    const name = httpTableName(this.#group);
    this.#chains.push({ filter: this.#httpFilter(name) });
    this.#routes.push(buildGatewayTable(this.#context, name, this.#group.servers));
  }

  #addServer(entry: GatewayServer): void {
    const report = this.#context.problems.for(configRef(entry.gateway));
    const path = `spec.servers[${entry.index}]`;
    const kind = kindOf(entry.server);
    if (kind === "passthrough") {
      this.#addPassthrough(entry, report, path);
      return;
    }
    const tls = kind === "tcp" ? undefined : this.#tls(entry, report, path);
    if (tls === "refused") return;
    const chain = { ...(tls ? { tls } : {}) };
    if (kind === "https") {
      const table = httpsTableName(entry);
      if (!this.#add({ ...chain, filter: this.#httpFilter(table) }, namesOf(entry.server), report, path))
        return;
      this.#routes.push(buildGatewayTable(this.#context, table, [entry]));
      return;
    }
    const filter = tcpForward(this.#context, entry);
    if (filter === undefined)
      report.warn(
        "no-route",
        path,
        "no VirtualService has a TCP route for this server; nobody can connect to it",
      );
    else this.#add({ ...chain, filter }, kind === "tcp" ? [] : namesOf(entry.server), report, path);
  }

  #addPassthrough(entry: GatewayServer, report: Reporter, path: string): void {
    if (entry.server.tls?.mode === "AUTO_PASSTHROUGH") {
      for (const { chain, serverName } of meshChains(this.#context, entry))
        this.#add(chain, [serverName], report, path);
      return;
    }
    const forwards = tlsForwards(this.#context, entry);
    if (forwards.length === 0)
      report.warn(
        "no-route",
        path,
        "no VirtualService has a TLS route for this server; nobody can connect to it",
      );
    for (const { filter, serverNames, config, path: at } of forwards)
      this.#add({ filter }, serverNames, this.#context.problems.for(configRef(config)), at);
  }

  /** How a server terminates TLS; `refused` where it cannot. */
  #tls({ server }: GatewayServer, report: Reporter, path: string): DownstreamTls | "refused" {
    const settings = server.tls ?? {};
    if (settings.mode === "ISTIO_MUTUAL" && !this.#context.mutualTls) {
      const message =
        "ISTIO_MUTUAL needs certificates, which the gateway does not have; nobody can connect to it";
      report.warn("no-certificates", `${path}.tls.mode`, message);
      return "refused";
    }
    const tls = buildServerTls(settings, kindOf(server) === "https");
    if (!("missing" in tls)) return tls;
    report.warn("no-certificates", `${path}.tls`, `lacks ${tls.missing}; nobody can connect to it`);
    return "refused";
  }

  /** Adds a chain for some names, all where there are none. The first of two for one name keeps it. */
  #add(chain: FilterChain, names: readonly string[], report: Reporter, path: string): boolean {
    const every = names.length === 0 || names.includes("*");
    const wanted = every ? ["*"] : names;
    const taken = wanted.filter((name) => this.#names.has(name));
    if (taken.length > 0) {
      const message = `port ${this.#group.port} of ${this.#group.bind} already has a chain for ${taken.join(", ")}; this one is left out`;
      report.warn("server-conflict", path, message);
      return false;
    }
    for (const name of wanted) this.#names.add(name);
    this.#chains.push(every ? chain : { ...chain, match: { ...chain.match, serverNames: names } });
    return true;
  }

  #httpFilter(table: string): FilterChain["filter"] {
    const { bind, port, servers } = this.#group;
    const caches = serviceCaches(this.#context, this.#context.view.scope.services);
    return {
      kind: "http",
      ...(caches.length === 0 ? {} : { dnsCaches: caches }),
      direction: "gateway",
      port,
      statPrefix: `outbound_${bind}_${port};`,
      routes: { kind: "rds", name: table },
      ...defined({ authentication: buildAuthentication(this.#context) }),
      authorization: buildAuthorization(this.#context, "http"),
      forwardProxy: false,
      http10: this.#context.view.node.metadata.HTTP10 === "1",
      grpcWeb: servers.some(({ server }) => server.port.protocol.toUpperCase() === "GRPC-WEB"),
    };
  }
}

/** What a gateway proxy listens on, by the Gateways that select it. */
export function buildGateway(context: BuildContext): BuiltGateway {
  const built = groupServers(context).flatMap(
    (group) => new GatewayListenerBuilder(context, group).build() ?? [],
  );
  return {
    listeners: built.map(({ listener }) => listener),
    routes: built.flatMap(({ routes }) => routes),
  };
}
