import type { VirtualService } from "@weft/istio-api";
import {
  addressesFor,
  type Config,
  type Exported,
  hostCovers,
  indexHosts,
  isHttp,
  isSniffed,
  meshGateway,
  mostSpecificHost,
  type Service,
  type ServicePort,
} from "@weft/mesh-model";
import { looksUpUnknown } from "../clusters/dynamic-dns.ts";
import { type BuildContext, hashPoliciesFor, ruleFor, servedPorts, serviceRef } from "../context.ts";
import type { Route, RouteTable, VirtualHost } from "../ir/index.ts";
import type { TableRequest } from "../listeners/outbound.ts";
import { catchAllBackend } from "../listeners/virtual-outbound.ts";
import { backendName, fixedBackends, hostPort } from "../names.ts";
import { configRef } from "../refs.ts";
import type { Steps } from "../steps.ts";
import { serviceDomains, shortNames } from "./domains.ts";
import { matchAll } from "./match.ts";
import { buildRetry } from "./retry.ts";
import { buildVirtualServiceRoutes, type RouteScope } from "./virtual-service.ts";

/** Largest body of a direct response, in bytes. */
export const maxDirectResponseBytes = 1_048_576;

const gateways: ReadonlySet<string> = new Set([meshGateway]);

function compareNames(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function defaultRoute(context: BuildContext, host: string, port: number): Route {
  const retry = buildRetry(context.mesh.defaultHttpRetryPolicy, false);
  return {
    name: "default",
    match: matchAll,
    operation: `${host}:${port}/*`,
    action: {
      kind: "forward",
      destinations: [{ backend: backendName(port, "", host), weight: 1 }],
      timeoutMs: 0,
      grpcTimeout: { kind: "max", ms: 0 },
      ...(retry ? { retry } : {}),
      hash: hashPoliciesFor(context, host, port, ""),
      mirrors: [],
    },
  };
}

/** What becomes of requests to hosts that nobody declared. */
function catchAllHost(context: BuildContext): VirtualHost {
  const backend = looksUpUnknown(context) ? fixedBackends.dynamicDns : catchAllBackend(context);
  const blocked = backend === fixedBackends.blackHole;
  const name = blocked ? "block_all" : "allow_any";
  return {
    name,
    domains: ["*"],
    countAttempts: true,
    requireTls: false,
    origin: [],
    routes: [
      {
        name,
        match: matchAll,
        action: blocked
          ? { kind: "direct-response", status: 502 }
          : {
              kind: "forward",
              destinations: [{ backend, weight: 1 }],
              timeoutMs: 0,
              grpcTimeout: { kind: "max", ms: 0 },
              hash: [],
              mirrors: [],
            },
      },
    ],
  };
}

/** Hosts of ExternalName services by the host they stand for, as far as one leads to another. */
function aliasesOf(services: readonly Service[]): ReadonlyMap<string, readonly string[]> {
  const aliases = services.filter(({ aliasOf }) => aliasOf !== undefined);
  const next = new Map(aliases.map(({ hostname, aliasOf }) => [hostname, aliasOf]));
  const byTarget = new Map<string, string[]>();
  for (const { hostname } of aliases) {
    let target: string | undefined = hostname;
    // Each step takes one alias, so that aliases of each other end as well.
    for (let steps = 0; target !== undefined && next.has(target) && steps <= next.size; steps++)
      target = next.get(target);
    if (target === undefined || next.has(target)) continue;
    byTarget.set(target, [...(byTarget.get(target) ?? []), hostname]);
  }
  return byTarget;
}

/** Finds the VirtualService for an entry: the one that names its host most closely, and of several the first. */
function ownerBy(configs: readonly Exported<VirtualService>[]) {
  const byHost = new Map<string, Exported<VirtualService>>();
  for (const config of configs)
    for (const host of config.spec.hosts ?? []) if (!byHost.has(host)) byHost.set(host, config);
  const index = indexHosts(byHost);
  return ({ service }: Entry) => mostSpecificHost(service.hostname, index);
}

/** A service port as it takes part in a table. */
interface Entry {
  readonly service: Service;
  readonly port: ServicePort;
}

/** Builds the virtual hosts of one table. */
class TableBuilder {
  readonly #context: BuildContext;
  readonly #request: TableRequest;
  readonly #proxy: boolean;
  readonly #entries: readonly Entry[];
  readonly #byHost: ReadonlyMap<string, readonly Entry[]>;
  readonly #aliases: ReadonlyMap<string, readonly string[]>;
  readonly #hosts: VirtualHost[] = [];
  readonly #taken = new Set<string>();
  readonly #names = new Set<string>();

  constructor(context: BuildContext, request: TableRequest) {
    this.#context = context;
    this.#request = request;
    this.#proxy = request.port === 0;
    this.#entries = request.egress.services.flatMap((service) =>
      servedPorts(context, service)
        .filter((port) => this.#serves(port))
        .map((port) => ({ service, port })),
    );
    const byHost = new Map<string, Entry[]>();
    for (const entry of this.#entries) {
      const list = byHost.get(entry.service.hostname);
      if (list) list.push(entry);
      else byHost.set(entry.service.hostname, [entry]);
    }
    this.#byHost = byHost;
    this.#aliases = aliasesOf(request.egress.services);
  }

  *build(): Steps<readonly VirtualHost[]> {
    const { virtualServices } = this.#request.egress;
    const owned = Map.groupBy(this.#entries, ownerBy(virtualServices));
    for (const config of virtualServices) {
      for (const entry of this.#addVirtualService(config, owned.get(config) ?? []))
        this.#addHost(entry, this.#defaultHost(entry));
      yield;
    }
    for (const entry of owned.get(undefined) ?? []) {
      this.#addHost(entry, this.#defaultHost(entry));
      yield;
    }
    return this.#hosts.sort(compareNames);
  }

  /** A forward proxy takes requests for every port that may speak HTTP; a listener for its own. */
  #serves({ port, protocol }: ServicePort): boolean {
    return (this.#proxy || port === this.#request.port) && (isHttp(protocol) || isSniffed(protocol));
  }

  #scope(listenPort: number): RouteScope {
    const { view, mesh } = this.#context;
    return {
      gateways,
      labels: view.labels,
      namespace: view.node.namespace,
      listenPort,
      domainSuffix: mesh.domainSuffix,
      defaultRetries: mesh.defaultHttpRetryPolicy,
      servicePorts: (host) => this.#byHost.get(host)?.map(({ port }) => port.port),
      hashPolicies: (host, port, subset) => hashPoliciesFor(this.#context, host, port, subset),
    };
  }

  /** Adds the hosts of a VirtualService, and hands back the entries for which none of its routes applies. */
  #addVirtualService(config: Exported<VirtualService>, entries: readonly Entry[]): readonly Entry[] {
    const hosts = config.spec.hosts ?? [];
    // Port 80 also serves hosts that no service has, so that a VirtualService can stand for a host of its own.
    const alone =
      this.#request.port === 80 && entries.length === 0 && !hosts.some((host) => this.#byHost.has(host));
    if (entries.length === 0 && !alone) return [];
    const report = this.#context.problems.for(configRef(config));
    const bare = hosts.filter(
      (host) => !this.#byHost.has(host) && !entries.some(({ service }) => hostCovers(host, service.hostname)),
    );
    const left: Entry[] = [];
    for (const port of alone ? [80] : new Set(entries.map((entry) => entry.port.port))) {
      const routes = buildVirtualServiceRoutes(config, this.#scope(port), report);
      const ofPort = entries.filter((entry) => entry.port.port === port);
      if (routes.length === 0) {
        left.push(...ofPort);
        continue;
      }
      for (const host of bare) this.#addBareHost(host, port, routes, config);
      for (const entry of ofPort) this.#addHost(entry, this.#routedHost(entry, routes, config));
    }
    return left;
  }

  #addBareHost(host: string, port: number, routes: readonly Route[], config: Config<VirtualService>): void {
    this.#add({
      name: hostPort(host, port),
      domains: this.#proxy && port !== 80 ? [hostPort(host, port)] : [host],
      routes,
      countAttempts: true,
      requireTls: false,
      origin: [configRef(config)],
    });
  }

  /** The virtual host of a service that a VirtualService speaks of; the same object while it is equal. */
  #routedHost(entry: Entry, routes: readonly Route[], config: Config<VirtualService>): VirtualHost {
    const host = {
      name: hostPort(entry.service.hostname, entry.port.port),
      domains: this.#domains(entry),
      routes,
      countAttempts: true,
      requireTls: false,
      origin: [configRef(config), serviceRef(entry.service)],
    };
    const text = JSON.stringify(host);
    const variant = `routed-host|${host.name}|${this.#proxy}|${this.#context.view.node.dnsDomain}`;
    const last = this.#context.memo.get([config, entry.service], variant, () => ({ host, text }));
    return last.text === text ? last.host : host;
  }

  /** The virtual host of a service that no VirtualService speaks of; shared by all tables it stands in. */
  #defaultHost(entry: Entry): VirtualHost {
    const { service, port } = entry;
    const context = this.#context;
    const rule = ruleFor(context, service);
    const aliases = this.#aliases.get(service.hostname)?.join() ?? "";
    const addresses = addressesFor(service, context.view.node).join();
    const variant = `default-host|${port.port}|${this.#proxy}|${context.view.node.dnsDomain}|${aliases}|${addresses}`;
    return context.memo.get([service, rule], variant, () => ({
      name: hostPort(service.hostname, port.port),
      domains: this.#domains(entry),
      routes: [defaultRoute(context, service.hostname, port.port)],
      countAttempts: true,
      requireTls: false,
      origin: [serviceRef(service), ...(rule ? [configRef(rule)] : [])],
    }));
  }

  #domains({ service, port }: Entry): readonly string[] {
    const aliases = this.#aliases.get(service.hostname);
    const domains = serviceDomains(service, {
      dnsDomain: this.#context.view.node.dnsDomain,
      addresses: addressesFor(service, this.#context.view.node),
      ...(this.#proxy ? { port: port.port } : {}),
      ...(aliases ? { aliases } : {}),
    });
    // Without a port, a URL means port 80.
    return this.#proxy && port.port !== 80 ? domains.filter((domain) => /:\d+$/.test(domain)) : domains;
  }

  #addHost(entry: Entry, host: VirtualHost): void {
    const { hostname } = entry.service;
    const isShort = (domain: string) =>
      shortNames(hostname, this.#context.view.node.dnsDomain).includes(domain);
    this.#add(host, (domain) => domain !== hostname && this.#byHost.has(domain) && isShort(domain));
  }

  /** Envoy takes every domain and every name once in a table: the first keeps it. */
  #add(host: VirtualHost, giveWay: (domain: string) => boolean = () => false): void {
    if (this.#names.has(host.name)) return;
    const free = host.domains.filter((domain) => !this.#taken.has(domain.toLowerCase()) && !giveWay(domain));
    if (free.length === 0) return;
    this.#names.add(host.name);
    for (const domain of free) this.#taken.add(domain.toLowerCase());
    this.#hosts.push(free.length === host.domains.length ? host : { ...host, domains: free });
  }
}

/** The route table that an outbound listener asks for. */
export function* buildOutboundTable(context: BuildContext, request: TableRequest): Steps<RouteTable> {
  const hosts = yield* new TableBuilder(context, request).build();
  const { onlyHost } = request;
  const table = {
    name: request.name,
    direction: "outbound" as const,
    // A forward proxy's requests say in their Host header which port they mean.
    ignorePort: request.port !== 0,
    maxDirectResponseBytes,
  };
  if (onlyHost === undefined) {
    // Envoy takes `*` once.
    const taken = hosts.some(({ domains }) => domains.includes("*"));
    return { ...table, manyHosts: true, virtualHosts: taken ? hosts : [...hosts, catchAllHost(context)] };
  }
  const own = hosts.filter(({ name }) => name === hostPort(onlyHost, request.port));
  return { ...table, virtualHosts: own.map((host) => ({ ...host, domains: ["*"] })) };
}
