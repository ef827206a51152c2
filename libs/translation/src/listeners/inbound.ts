import { isHttp, type Protocol } from "@weft/mesh-model";
import { type BuildContext, reporterFor, serviceRef } from "../context.ts";
import { defined } from "../envoy/scalars.ts";
import { buildServerTls } from "../gateway/tls.ts";
import type { DownstreamTls, FilterChain, InspectedPorts, Listener, NetworkFilter } from "../ir/index.ts";
import { fixedBackends, inboundBackendName } from "../names.ts";
import { buildInboundTable } from "../routes/inbound.ts";
import { buildRetry, defaultInboundRetry } from "../routes/retry.ts";
import { buildAuthentication } from "../security/authentication.ts";
import { buildAuthorization } from "../security/authorization.ts";
import { type MtlsSubject, mtlsPorts, mtlsSettingOf } from "../security/peer-authentication.ts";
import { type ChainKind, chainKinds, inspectionNeeds } from "./inbound-chains.ts";
import type { InboundPort } from "./inbound-ports.ts";

/** Where a group of chains leads, and how it is named. */
interface ChainTarget {
  readonly backend: string;
  readonly host: string;
  readonly port: number;
  /** Where the application listens; absent for whatever port nobody declares. */
  readonly listenPort?: number;
  readonly httpName: string;
  readonly tcpName: string;
  readonly httpStatPrefix: string;
  readonly protocol: Protocol;
}

function downstreamTls(context: BuildContext, http: boolean): DownstreamTls {
  const { trustDomain, trustDomainAliases } = context.mesh;
  return {
    kind: "mesh",
    alpn: http ? ["h2", "http/1.1"] : ["istio-peer-exchange", "h2", "http/1.1"],
    trustDomains: [trustDomain, ...trustDomainAliases],
  };
}

function buildFilter(context: BuildContext, kind: ChainKind, target: ChainTarget): NetworkFilter {
  const authorization = buildAuthorization(context, kind.http ? "http" : "tcp");
  if (!kind.http)
    return {
      kind: "tcp",
      direction: "inbound",
      ...(target.listenPort === undefined ? {} : { port: target.listenPort }),
      destinations: [{ backend: target.backend, weight: 1 }],
      statPrefix: target.backend,
      exchangesMetadata: true,
      authorization,
    };
  const retry = buildRetry(context.mesh.defaultInboundHttpRetryPolicy, false, defaultInboundRetry);
  return {
    kind: "http",
    direction: "inbound",
    ...(target.listenPort === undefined ? {} : { port: target.listenPort }),
    statPrefix: target.httpStatPrefix,
    routes: { kind: "inline", table: buildInboundTable({ ...target, ...defined({ retry }) }) },
    forwardProxy: false,
    http10: context.view.node.metadata.HTTP10 === "1",
    grpcWeb: target.protocol === "GRPC-Web",
    ...defined({ authentication: buildAuthentication(context) }),
    authorization,
  };
}

function buildChains(
  context: BuildContext,
  { kinds, target, tls }: PortPlan,
  destinationPort: number | undefined,
): FilterChain[] {
  return kinds.map((kind) => {
    const match = { ...kind.match, ...(destinationPort === undefined ? {} : { destinationPort }) };
    return {
      name: kind.http ? target.httpName : target.tcpName,
      ...(Object.keys(match).length === 0 ? {} : { match }),
      ...(kind.secured ? { tls: tls ?? downstreamTls(context, kind.http) } : {}),
      filter: buildFilter(context, kind, target),
    };
  });
}

function ownSubject({ view }: BuildContext): MtlsSubject {
  return { namespace: view.node.namespace, labels: view.labels };
}

/** The chains of a port, and where they lead. */
interface PortPlan {
  readonly kinds: readonly ChainKind[];
  readonly target: ChainTarget;
  /** How secured chains end TLS; absent: with the mesh's certificates. */
  readonly tls?: DownstreamTls;
}

/**
 * How the own workload takes connections. A proxy without certificates can only take plain text; where a policy asks
 * for mutual TLS it takes nothing, for nobody could show who they are.
 */
function planPort(context: BuildContext, port: number | undefined, target: ChainTarget): PortPlan {
  const subject = { ...ownSubject(context), ...(port === undefined ? {} : { port }) };
  const { mode, policy } = mtlsSettingOf(context.view.snapshot, subject);
  if (context.mutualTls) return { kinds: chainKinds(mode, target.protocol), target };
  if (mode !== "STRICT") return { kinds: chainKinds("DISABLE", target.protocol), target };
  const message =
    "STRICT mutual TLS needs certificates, which the workload's proxy does not have (label security.istio.io/tlsMode: istio); connections to it are refused";
  reporterFor(context, policy)?.warn("no-certificates", "spec.mtls.mode", message);
  return {
    kinds: chainKinds("DISABLE", "TCP"),
    target: { ...target, backend: fixedBackends.blackHole },
  };
}

/** What is spoken inside TLS that the proxy has ended. */
function insideTls(protocol: Protocol): Protocol {
  if (protocol === "HTTPS") return "HTTP";
  return protocol === "TLS" ? "TCP" : protocol;
}

/**
 * The chains of a port that a Sidecar ends TLS for. Two kinds of TLS cannot share a port: only where mutual TLS is
 * off has the Sidecar its way.
 */
function planOwnTls(context: BuildContext, port: InboundPort, target: ChainTarget): PortPlan | undefined {
  if (port.tls === undefined) return undefined;
  const { settings, path } = port.tls;
  const report = reporterFor(context, context.view.scope.sidecar);
  const subject = { ...ownSubject(context), port: port.number };
  const { mode } = mtlsSettingOf(context.view.snapshot, subject);
  if (mode !== "DISABLE") {
    const message = `has no effect: mutual TLS of the mesh is ${mode} on port ${port.number}, and must be DISABLE there`;
    report?.warn("conflicting-tls", path, message);
    return undefined;
  }
  const inside = { ...target, protocol: insideTls(target.protocol) };
  const tls = buildServerTls(settings, isHttp(inside.protocol));
  if ("missing" in tls) {
    report?.warn("no-certificates", path, `lacks ${tls.missing}; connections are refused`);
    const nowhere = { ...inside, backend: fixedBackends.blackHole };
    return { kinds: [{ match: { transport: "tls" }, http: false, secured: false }], target: nowhere };
  }
  return {
    kinds: [{ match: { transport: "tls" }, http: isHttp(inside.protocol), secured: true }],
    target: inside,
    tls,
  };
}

function planDeclared(context: BuildContext, port: InboundPort, target: ChainTarget): PortPlan {
  return planOwnTls(context, port, target) ?? planPort(context, port.number, target);
}

function portTarget(port: InboundPort): ChainTarget {
  const first = port.targets[0];
  const name = `${port.bind ?? port.namedFor}_${port.number}`;
  return {
    backend: inboundBackendName(port.number),
    host: first?.service.hostname ?? "",
    port: first?.port.port ?? port.number,
    listenPort: port.number,
    httpName: name,
    tcpName: name,
    httpStatPrefix: `inbound_${name};`,
    protocol: port.protocol,
  };
}

/** The listener of a port that has a socket of its own. */
function ownListener(context: BuildContext, port: InboundPort, bind: string): Listener {
  const plan = planDeclared(context, port, portTarget(port));
  const needs = inspectionNeeds(plan.kinds);
  const everywhere: InspectedPorts = { kind: "except", ports: [] };
  return {
    name: `${bind}_${port.number}`,
    address: bind,
    port: port.number,
    bindToPort: true,
    direction: "inbound",
    role: "port",
    useOriginalDestination: false,
    inspectors: { ...(needs.tls ? { tls: everywhere } : {}), ...(needs.http ? { http: everywhere } : {}) },
    chains: buildChains(context, plan, undefined),
    origin: originOf([port]),
  };
}

function originOf(ports: readonly InboundPort[]): Listener["origin"] {
  return ports.flatMap(({ targets, origin }) => [
    ...targets.map(({ service }) => serviceRef(service)),
    ...origin,
  ]);
}

/** The chains of one port of the virtual listener; without a port, of all ports that are not told of. */
interface PortGroup extends PortPlan {
  readonly port?: number;
}

/** The ports an inspector is told of: exceptions where it looks at all others, else those it is for. */
function inspected(
  groups: readonly PortGroup[],
  listenPort: number,
  what: "tls" | "http",
): InspectedPorts | undefined {
  const needs = new Map([[listenPort, false]]);
  let byDefault = false;
  for (const { port, kinds } of groups) {
    const needed = inspectionNeeds(kinds)[what];
    if (port === undefined) byDefault = needed;
    else needs.set(port, needed);
  }
  const differing = [...needs].filter(([, needed]) => needed !== byDefault).map(([port]) => port);
  const ports = differing.sort((a, b) => a - b);
  if (byDefault) return { kind: "except", ports };
  return ports.length === 0 ? undefined : { kind: "only", ports };
}

const passthrough: ChainTarget = {
  backend: fixedBackends.inboundPassthrough,
  host: "",
  port: 0,
  httpName: "virtualInbound-catchall-http",
  tcpName: "virtualInbound",
  httpStatPrefix: `${fixedBackends.inboundPassthrough};`,
  protocol: "Unsupported",
};

/** All ports that are told apart: those that services declare, and those that only a policy has a mode for. */
function portGroups(context: BuildContext, ports: readonly InboundPort[]): readonly PortGroup[] {
  const declared = new Set(ports.map(({ number }) => number));
  const ofPolicy = mtlsPorts(context.view.snapshot, ownSubject(context)).filter(
    (port) => !declared.has(port),
  );
  return [
    planPort(context, undefined, passthrough),
    ...ofPolicy.map((port) => ({ port, ...planPort(context, port, passthrough) })),
    ...ports.map((port) => ({
      port: port.number,
      ...planDeclared(context, port, portTarget(port)),
    })),
  ];
}

/** Whoever calls the virtual listener's port itself would be sent back to it for ever. */
function blackHoleChain(listenPort: number): FilterChain {
  return {
    name: "virtualInbound-blackhole",
    match: { destinationPort: listenPort },
    filter: {
      kind: "tcp",
      direction: "inbound",
      destinations: [{ backend: fixedBackends.blackHole, weight: 1 }],
      statPrefix: fixedBackends.blackHole,
      exchangesMetadata: true,
    },
  };
}

/** Takes what interception hands over: a group of chains for each known port, and one for all others. */
function virtualInbound(context: BuildContext, ports: readonly InboundPort[]): Listener {
  const listenPort = context.mesh.proxyInboundListenPort;
  const groups = portGroups(context, ports);
  const tls = inspected(groups, listenPort, "tls");
  const http = inspected(groups, listenPort, "http");
  return {
    name: "virtualInbound",
    address: "0.0.0.0",
    port: listenPort,
    bindToPort: true,
    direction: "inbound",
    role: "virtual",
    useOriginalDestination: false,
    transparent: context.view.node.interceptionMode === "TPROXY",
    inspectors: { originalDestination: true, ...(tls ? { tls } : {}), ...(http ? { http } : {}) },
    chains: [
      blackHoleChain(listenPort),
      ...groups.flatMap((group) => buildChains(context, group, group.port)),
    ],
    origin: originOf(ports),
  };
}

/** The listeners that take connections for the own workload. */
export function buildInboundListeners(
  context: BuildContext,
  ports: readonly InboundPort[],
): readonly Listener[] {
  const own = ports.flatMap((port) =>
    port.bind === undefined ? [] : [ownListener(context, port, port.bind)],
  );
  if (context.view.node.type !== "sidecar" || context.view.node.interceptionMode === "NONE") return own;
  return [
    ...own,
    virtualInbound(
      context,
      ports.filter(({ bind }) => bind === undefined),
    ),
  ];
}
