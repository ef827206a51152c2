import { isIP } from "node:net";
import type { ObjectRef } from "@weft/base";
import {
  addressesFor,
  type EgressListener,
  type Endpoint,
  endpointsOf,
  isHttp,
  isSniffed,
  isTls,
  parseProtocol,
  type Service,
  type ServicePort,
} from "@weft/mesh-model";
import { dnsCache, outboundCaches } from "../clusters/dynamic-dns.ts";
import { type BuildContext, reporterFor, servedPorts, serviceRef } from "../context.ts";
import type { ChainMatch, DnsCache, FilterChain, Listener, TcpForward } from "../ir/index.ts";
import { backendName, hostPort } from "../names.ts";
import type { Steps } from "../steps.ts";
import { normalRange } from "./address-range.ts";
import { sniffedHttp } from "./inbound-chains.ts";
import { layer4Policy } from "./layer4-policy.ts";
import { layer4Chains } from "./layer4-routes.ts";
import { catchAllBackend } from "./virtual-outbound.ts";

/** The address that stands for every address. */
const anyAddress = "0.0.0.0";

/** A route table that a listener asks for, and the services and ports it must cover. */
export interface TableRequest {
  readonly name: string;
  readonly egress: EgressListener;
  /** The port requests come to; 0 for a forward proxy, where the request itself names it. */
  readonly port: number;
  /** A sniffed port's table serves this one host. */
  readonly onlyHost?: string;
}

/** Outbound listeners, and the route tables they name. */
export interface OutboundListeners {
  readonly listeners: readonly Listener[];
  readonly tables: readonly TableRequest[];
}

interface Draft {
  readonly address: string;
  readonly port: number;
  readonly bindToPort: boolean;
  readonly chains: Map<string, FilterChain>;
  readonly origin: ObjectRef[];
}

/** Where the services of one egress listener are listened for. */
interface Place {
  /** Address for all services; absent: each service's own. */
  readonly bind?: string;
  readonly bindToPort: boolean;
}

/** Collects outbound listeners: services that share an address and a port share a listener. */
class OutboundBuilder {
  readonly #context: BuildContext;
  readonly #drafts = new Map<string, Draft>();
  readonly #tables = new Map<string, TableRequest>();

  constructor(context: BuildContext) {
    this.#context = context;
  }

  *addEgress(egress: EgressListener): Steps<void> {
    const { node, scope } = this.#context.view;
    if (egress.bind?.startsWith("unix:")) {
      const report = reporterFor(this.#context, scope.sidecar);
      report?.unsupported(`spec.egress[${scope.listeners.indexOf(egress)}].bind`, "a Unix socket");
      return;
    }
    const bindToPort = egress.captureMode === "NONE" || node.interceptionMode === "NONE";
    const place: Place = {
      bindToPort,
      ...(egress.bind ? { bind: egress.bind } : bindToPort ? { bind: "127.0.0.1" } : {}),
    };
    const protocol = egress.port && parseProtocol(egress.port.protocol ?? "");
    if (egress.port?.number !== undefined && protocol === "HTTP_PROXY") {
      this.addForwardProxy(egress, place.bind ?? "127.0.0.1", egress.port.number);
      return;
    }
    for (const service of egress.services) {
      for (const port of servedPorts(this.#context, service)) {
        // A listener with a protocol of its own speaks it for all of its services.
        const spoken = protocol === undefined || isSniffed(protocol) ? port : { ...port, protocol };
        this.#addPort(egress, place, service, spoken);
      }
      yield;
    }
  }

  /** A listener for clients that send whole URLs, and so reach every service on every port. */
  addForwardProxy(egress: EgressListener, bind: string, port: number): void {
    const table = this.#tables.has("http_proxy") ? String(port) : "http_proxy";
    this.#addTable({ name: table, egress, port: 0 });
    const draft = this.#draft(bind, port, true);
    const caches = outboundCaches(this.#context, egress.services);
    this.#addChain(
      draft,
      undefined,
      this.#httpChain(`${bind}_${port}`, table, undefined, { forwardProxy: true, caches, port }),
    );
  }

  finish(): OutboundListeners {
    return {
      tables: [...this.#tables.values()],
      listeners: [...this.#drafts.values()].map((draft) => this.#toListener(draft)),
    };
  }

  #addPort(egress: EgressListener, place: Place, service: Service, port: ServicePort): void {
    if (isHttp(port.protocol)) {
      this.#addHttp(egress, place, service, port);
      return;
    }
    for (const address of this.#addresses(place, service)) {
      const [bind, range] = splitRange(address);
      const draft = this.#draft(bind, port.port, place.bindToPort);
      draft.origin.push(serviceRef(service));
      const tcp = this.#tcpFilter(service, port);
      const sniHosts = isTls(port.protocol) && bind === anyAddress ? [service.hostname] : undefined;
      const match: ChainMatch = {
        ...(range ? { prefixRanges: [range] } : {}),
        ...(sniHosts ? { serverNames: sniHosts } : {}),
      };
      const chains = layer4Chains(this.#context, egress, { service, port, match, tcp });
      for (const chain of chains) this.#addChain(draft, service, chain);
      if (isSniffed(port.protocol)) this.#addSniffedHttp(egress, draft, service, port, match);
    }
  }

  #addHttp(egress: EgressListener, place: Place, service: Service, port: ServicePort): void {
    const bind = place.bind ?? anyAddress;
    const wildcard = bind === anyAddress;
    const draft = this.#draft(bind, port.port, place.bindToPort);
    draft.origin.push(serviceRef(service));
    const name = String(port.port);
    this.#addTable({ name, egress, port: port.port });
    // On an address of all, other traffic may come to the same port: only what looks like HTTP is taken.
    const chain = this.#httpChain(`${bind}_${port.port}`, name, wildcard ? sniffedHttp : undefined, {
      caches: outboundCaches(this.#context, egress.services, port.port),
      port: port.port,
    });
    if (!draft.chains.has(keyOf(chain.match))) this.#addChain(draft, service, chain);
  }

  #addSniffedHttp(
    egress: EgressListener,
    draft: Draft,
    service: Service,
    port: ServicePort,
    match: ChainMatch,
  ): void {
    const shared = draft.address === anyAddress && match.prefixRanges === undefined;
    const name = shared ? String(port.port) : hostPort(service.hostname, port.port);
    this.#addTable({ name, egress, port: port.port, ...(shared ? {} : { onlyHost: service.hostname }) });
    const chain = this.#httpChain(
      `${draft.address}_${port.port}`,
      name,
      { ...match, ...sniffedHttp },
      { caches: outboundCaches(this.#context, egress.services, port.port), port: port.port },
    );
    if (!shared || !draft.chains.has(keyOf(chain.match))) this.#addChain(draft, service, chain);
  }

  /** A listener for one port goes before the one for all ports, and with it what it imports. */
  #addTable(request: TableRequest): void {
    if (!this.#tables.has(request.name)) this.#tables.set(request.name, request);
  }

  /** Where connections to a service go: its virtual addresses, or those of its endpoints where it has none. */
  #addresses(place: Place, service: Service): readonly string[] {
    if (place.bind !== undefined) return [place.bind];
    const known = addressesFor(service, this.#context.view.node);
    if (known.length > 0) return known;
    if (service.resolution !== "Passthrough") return [anyAddress];
    const own = new Set(this.#context.view.node.ipAddresses);
    const endpoints = endpointsOf(this.#context.view.snapshot, service);
    const usable = ({ address, health }: Endpoint) =>
      isIP(address) !== 0 && !own.has(address) && (health === "HEALTHY" || service.publishNotReadyAddresses);
    const addresses = [...new Set(endpoints.filter(usable).map(({ address }) => address))].sort();
    const empty = addresses.length === 0 && endpoints.length === 0;
    // A service that has selected nothing yet must not take the port away from others.
    return empty && service.registry === "External" && service.selector === undefined
      ? [anyAddress]
      : addresses;
  }

  #tcpFilter(service: Service, port: ServicePort): TcpForward {
    const backend = backendName(port.port, "", service.hostname);
    return {
      kind: "tcp",
      direction: "outbound",
      port: port.port,
      destinations: [{ backend, weight: 1 }],
      statPrefix: backend,
      exchangesMetadata: false,
      ...(service.resolution === "DynamicDNS"
        ? { lookup: { cache: dnsCache(this.#context, service.hostname), port: port.port } }
        : {}),
      ...layer4Policy(this.#context, backend),
    };
  }

  #httpChain(
    listener: string,
    table: string,
    match: ChainMatch | undefined,
    {
      forwardProxy = false,
      caches,
      port,
    }: { readonly forwardProxy?: boolean; readonly caches: readonly DnsCache[]; readonly port: number },
  ): FilterChain {
    return {
      ...(match ? { match } : {}),
      filter: {
        kind: "http",
        direction: "outbound",
        port,
        statPrefix: `outbound_${listener};`,
        routes: { kind: "rds", name: table },
        forwardProxy,
        http10: this.#context.view.node.metadata.HTTP10 === "1",
        grpcWeb: false,
        ...(caches.length === 0 ? {} : { dnsCaches: caches }),
      },
    };
  }

  #draft(address: string, port: number, bindToPort: boolean): Draft {
    const key = `${address}_${port}`;
    const existing = this.#drafts.get(key);
    if (existing) return existing;
    const draft: Draft = { address, port, bindToPort, chains: new Map(), origin: [] };
    this.#drafts.set(key, draft);
    return draft;
  }

  /** Adds a chain; the first of two with one match keeps the port, as its service is the older. */
  #addChain(draft: Draft, service: Service | undefined, chain: FilterChain): void {
    const key = keyOf(chain.match);
    if (!draft.chains.has(key)) {
      draft.chains.set(key, chain);
      return;
    }
    if (service === undefined) return;
    const ref = serviceRef(service);
    reporterFor(this.#context, { ...ref, namespace: service.namespace })?.warn(
      "listener-conflict",
      "spec.ports",
      `port ${draft.port} on ${draft.address} is already taken by an older service; connections to ${service.hostname} go to that one`,
    );
  }

  #toListener(draft: Draft): Listener {
    const chains = [...draft.chains.values()];
    const sniffsTls = chains.some(({ match }) => match?.serverNames !== undefined);
    const sniffsHttp = chains.some(({ match }) => match?.applicationProtocols !== undefined);
    const everywhere = { kind: "except", ports: [] } as const;
    // Envoy never comes back from a chain that matches only in part: a chain for everything must stand apart.
    const open = chains.find(({ match }) => match === undefined || Object.keys(match).length === 0);
    const only = open !== undefined && chains.length === 1;
    return {
      name: `${draft.address}_${draft.port}`,
      address: draft.address,
      port: draft.port,
      bindToPort: draft.bindToPort,
      direction: "outbound",
      role: "port",
      useOriginalDestination: false,
      inspectors: { ...(sniffsTls ? { tls: everywhere } : {}), ...(sniffsHttp ? { http: everywhere } : {}) },
      chains: only ? chains : chains.filter((chain) => chain !== open),
      ...(only ? {} : { defaultChain: open ?? this.#fallThrough() }),
      origin: draft.origin,
    };
  }

  #fallThrough(): FilterChain {
    const backend = catchAllBackend(this.#context);
    return {
      name: "PassthroughFilterChain",
      match: {},
      filter: {
        kind: "tcp",
        direction: "outbound",
        destinations: [{ backend, weight: 1 }],
        statPrefix: backend,
        exchangesMetadata: false,
      },
    };
  }
}

function keyOf(match: ChainMatch | undefined): string {
  const { transport, applicationProtocols, serverNames, prefixRanges, destinationPort } = match ?? {};
  return JSON.stringify([transport, applicationProtocols, serverNames, prefixRanges, destinationPort]);
}

/** A range of addresses is listened for on all of them; a lone address in the form of a range is that address. */
function splitRange(
  address: string,
): readonly [bind: string, range: { readonly address: string; readonly length: number } | undefined] {
  const [base = "", length] = address.split("/");
  const whole = base.includes(":") ? "128" : "32";
  if (length === undefined || length === whole) return [base, undefined];
  return [anyAddress, normalRange(base, Number(length))];
}

/** The listeners that take the own workload's connections to others, and the tables they route by. */
export function* buildOutboundListeners(context: BuildContext): Steps<OutboundListeners> {
  const builder = new OutboundBuilder(context);
  const { scope, node } = context.view;
  for (const egress of scope.listeners) yield* builder.addEgress(egress);
  const catchAll = scope.listeners.find(({ port }) => port === undefined);
  const proxyPort = node.httpProxyPort ?? context.mesh.proxyHttpPort;
  if (proxyPort > 0 && catchAll) builder.addForwardProxy(catchAll, "127.0.0.1", proxyPort);
  return builder.finish();
}
