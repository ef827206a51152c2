import type {
  L4MatchAttributes,
  RouteDestination,
  TLSMatchAttributes,
  VirtualService,
} from "@weft/istio-api";
import {
  type Config,
  type EgressListener,
  hostCovers,
  isTls,
  meshGateway,
  resolveHost,
  type Service,
  type ServicePort,
} from "@weft/mesh-model";
import { dnsCache, looksUpHosts } from "../clusters/dynamic-dns.ts";
import { type BuildContext, reporterFor } from "../context.ts";
import type { ChainMatch, FilterChain, TcpForward } from "../ir/index.ts";
import { backendName, parseBackendName } from "../names.ts";
import { normalRange } from "./address-range.ts";
import { layer4Policy } from "./layer4-policy.ts";

/** A service port whose bytes are to be passed on, and how that is done where no VirtualService says otherwise. */
export interface Layer4Port {
  readonly service: Service;
  readonly port: ServicePort;
  readonly match: ChainMatch;
  readonly tcp: TcpForward;
}

type L4Match = Pick<
  L4MatchAttributes,
  "port" | "gateways" | "sourceLabels" | "sourceNamespace" | "destinationSubnets"
>;

function appliesTo({ view }: BuildContext, match: L4Match, port: number): boolean {
  if (match.port !== undefined && match.port !== port) return false;
  if (match.gateways?.length) return match.gateways.includes(meshGateway);
  if (match.sourceNamespace !== undefined && match.sourceNamespace !== view.node.namespace) return false;
  return Object.entries(match.sourceLabels ?? {}).every(([name, value]) => view.labels[name] === value);
}

function withSubnets(match: ChainMatch, subnets: readonly string[] | undefined): ChainMatch {
  if (!subnets?.length) return match;
  return {
    ...match,
    prefixRanges: subnets.map((subnet) => {
      const [address = "", length] = subnet.split("/");
      return normalRange(address, length === undefined ? (address.includes(":") ? 128 : 32) : Number(length));
    }),
  };
}

/** The bytes' way by a VirtualService's route, from a listener of some port; as `tcp` where it names none. */
export function forwardTo(
  context: BuildContext,
  config: Config<VirtualService>,
  { port, tcp }: { readonly port: number; readonly tcp: TcpForward },
  route: readonly RouteDestination[] | undefined,
): TcpForward {
  const all = route ?? [];
  const chosen = all.length === 1 ? all : all.filter(({ weight }) => (weight ?? 0) > 0);
  const destinations = chosen.map(({ destination, weight }) => {
    const host = resolveHost(destination.host, config.namespace, context.mesh.domainSuffix);
    const ports = context.view.scope.servicesByHostname.get(host)?.ports;
    const number = destination.port?.number ?? (ports?.length === 1 ? ports[0]?.port : undefined) ?? port;
    return { backend: backendName(number, destination.subset ?? "", host), weight: weight ?? 1 };
  });
  const [only] = destinations;
  const statPrefix = destinations.length === 1 && only ? only.backend : `${config.name}.${config.namespace}`;
  if (destinations.length === 0) return tcp;
  const { kind, direction, exchangesMetadata, authorization } = tcp;
  const lookup = destinations.length === 1 && only ? lookupFor(context, only.backend) : undefined;
  return {
    kind,
    direction,
    exchangesMetadata,
    destinations,
    statPrefix,
    ...(authorization ? { authorization } : {}),
    // Of several, the first decides, as in Istio.
    ...(only ? layer4Policy(context, only.backend) : {}),
    ...(lookup ? { lookup } : {}),
  };
}

/** How the host of a handshake is looked up where it says which host is meant; of several backends none can be. */
function lookupFor(context: BuildContext, backend: string): TcpForward["lookup"] {
  const { host = "", port = 0 } = parseBackendName(backend) ?? {};
  const service = context.view.scope.servicesByHostname.get(host);
  return service?.resolution === "DynamicDNS" && looksUpHosts(context.view)
    ? { cache: dnsCache(context, host), port }
    : undefined;
}

function tlsChains(context: BuildContext, config: Config<VirtualService>, input: Layer4Port): FilterChain[] {
  return (config.spec.tls ?? []).flatMap(({ match, route }) =>
    match
      .filter((m: TLSMatchAttributes) => appliesTo(context, m, input.port.port))
      .map((m) => ({
        match: withSubnets(
          { ...input.match, serverNames: m.sniHosts.filter((host) => host !== "*") },
          m.destinationSubnets,
        ),
        filter: forwardTo(context, config, { port: input.port.port, tcp: input.tcp }, route),
      })),
  );
}

/** The first TCP route that applies: what follows a match of everything is never reached. */
function tcpChains(context: BuildContext, config: Config<VirtualService>, input: Layer4Port): FilterChain[] {
  const chains: FilterChain[] = [];
  for (const [index, { match, route }] of (config.spec.tcp ?? []).entries()) {
    const filter = forwardTo(context, config, { port: input.port.port, tcp: input.tcp }, route);
    if (!match?.length) return [...chains, { match: input.match, filter }];
    for (const [i, m] of match.entries()) {
      if (m.sourceSubnet !== undefined)
        reporterFor(context, config)?.unsupported(
          `spec.tcp[${index}].match[${i}].sourceSubnet`,
          "sourceSubnet",
        );
      if (!appliesTo(context, m, input.port.port)) continue;
      chains.push({ match: withSubnets(input.match, m.destinationSubnets), filter });
      if (!m.destinationSubnets?.length) return chains;
    }
  }
  return chains;
}

/** The filter chains of a port that is not HTTP: as VirtualServices say, else straight to the service. */
export function layer4Chains(
  context: BuildContext,
  egress: EgressListener,
  input: Layer4Port,
): readonly FilterChain[] {
  const { service, port, tcp } = input;
  const configs = egress.virtualServices.filter(
    ({ spec }) =>
      (spec.tls?.length || spec.tcp?.length) &&
      spec.hosts?.some((host) => hostCovers(host, service.hostname)),
  );
  const chains = configs.flatMap((config) => [
    ...(isTls(port.protocol) ? tlsChains(context, config, input) : []),
    ...tcpChains(context, config, input),
  ]);
  if (chains.length > 0) return chains.map((chain) => clean(chain));
  return [clean({ match: input.match, filter: tcp })];
}

/** Without an empty match, which would say no more than none. */
function clean(chain: FilterChain): FilterChain {
  if (chain.match !== undefined && Object.keys(chain.match).length === 0) return { filter: chain.filter };
  return chain;
}
