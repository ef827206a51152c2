import type { Problem, WithProblems } from "@weft/base";
import {
  type ConsolidatedDestinationRule,
  type Endpoint,
  endpointsOf,
  type Service,
  type ServicePort,
} from "@weft/mesh-model";
import {
  type BuildContext,
  reporterFor,
  ruleFor,
  servedPorts,
  serviceMtlsMode,
  serviceRef,
} from "../context.ts";
import { durationMs } from "../durations.ts";
import { buildLocalities, identitiesOf } from "../endpoints/build.ts";
import { clientLabels, comparedLabelsOf } from "../endpoints/client-labels.ts";
import { buildPreference } from "../endpoints/locality.ts";
import { defined } from "../envoy/scalars.ts";
import { passesMeshTrafficOn } from "../gateway/auto-passthrough.ts";
import type { Backend, BackendService, Discovery, LoadAssignment } from "../ir/index.ts";
import { backendName, backendSni } from "../names.ts";
import { ProblemList, type Reporter } from "../problems.ts";
import { configRef } from "../refs.ts";
import { disablingPolicies, mtlsModeOf } from "../security/peer-authentication.ts";
import { reportUnsupported } from "../unsupported.ts";
import { dnsCache, dnsFamilyOf, looksUpHosts } from "./dynamic-dns.ts";
import { buildUpstreamHttp, isHttp2 } from "./http.ts";
import {
  buildKeepalive,
  buildLimits,
  buildLoadBalancing,
  buildOutlierDetection,
  effectivePolicy,
} from "./policy.ts";
import { type BackendTlsInput, buildBackendTls } from "./tls.ts";

/** The backends of one service with the endpoints of those that get them over EDS. */
export interface ServiceBackends {
  readonly backends: readonly Backend[];
  readonly loadAssignments: readonly LoadAssignment[];
}

/** How a service is named in telemetry. */
export function backendService(service: Service): BackendService {
  return {
    host: service.hostname,
    // An external service has no name but its host.
    name: service.registry === "External" ? service.hostname : service.name,
    namespace: service.namespace,
  };
}

interface ServiceInput {
  readonly context: BuildContext;
  readonly service: Service;
  readonly rule: ConsolidatedDestinationRule | undefined;
  readonly endpoints: readonly Endpoint[];
  readonly report: Reporter | undefined;
  /** For the bytes of other proxies' mutual TLS, which are passed on as they come, by the name in the handshake. */
  readonly passesOn?: true;
}

/** Backends of a port: the whole of it, then its subsets in the order of the rule. */
function portBackends(
  input: ServiceInput,
  port: ServicePort,
  out: { backends: Backend[]; loadAssignments: LoadAssignment[] },
): void {
  const subsets = input.rule?.spec.subsets ?? [];
  for (const subset of [undefined, ...subsets]) {
    const backend = buildBackend(input, port, subset?.name ?? "", subset?.labels);
    out.backends.push(backend.backend);
    if (backend.loadAssignment) out.loadAssignments.push(backend.loadAssignment);
  }
}

function discoveryOf(
  { context, service, endpoints }: ServiceInput,
  passthrough: boolean,
  localities: LoadAssignment["localities"],
): Discovery {
  if (passthrough) return { kind: "original-destination", keepHosts: false };
  switch (service.resolution) {
    case "DNSLB":
    case "DNSRoundRobinLB":
      return {
        kind: "dns",
        mode: service.resolution === "DNSLB" ? "strict" : "logical",
        refreshMs: context.mesh.dnsRefreshRateMs,
        family: dnsFamilyOf(context),
        endpoints: localities,
      };
    case "DynamicDNS":
      return { kind: "dynamic-dns", cache: dnsCache(context, service.hostname) };
    case "Passthrough":
      // Without interception nobody knows where a client wanted to go: its endpoints are the next best.
      return context.view.node.interceptionMode === "NONE" && endpoints.length > 0
        ? { kind: "eds" }
        : { kind: "original-destination", keepHosts: false };
    default:
      return { kind: "eds" };
  }
}

/** Mutual TLS that nobody asked for: with what takes it. Connections to an address can only be all of one kind. */
function automaticTls(
  { context, service, endpoints }: ServiceInput,
  port: ServicePort,
  discovery: Discovery,
): BackendTlsInput["automatic"] {
  if (!context.mutualTls || !context.mesh.enableAutoMtls || service.meshExternal) return "never";
  // Nobody knows beforehand who takes it.
  if (discovery.kind === "dynamic-dns") return "never";
  if (serviceMtlsMode(context, service, port) === "DISABLE") return "never";
  if (discovery.kind !== "original-destination") return "where-taken";
  return endpoints.length > 0 && endpoints.every(({ tlsMode }) => tlsMode === "istio") ? "always" : "never";
}

/** How connections to a backend are secured; those that carry other proxies' TLS are not secured again. */
function backendTls(
  { context, service, rule, endpoints, report, passesOn }: ServiceInput,
  port: ServicePort,
  subset: string,
  settings: Pick<BackendTlsInput, "settings" | "http2" | "automatic">,
): Backend["tls"] {
  if (passesOn) return undefined;
  const names = service.subjectAltNames ?? [];
  const input: BackendTlsInput = {
    ...settings,
    port: port.port,
    subset,
    host: service.hostname,
    identities: [...identitiesOf(endpoints, context.mesh), ...names].sort(),
    names,
    takesCredentials: context.view.node.type === "router" || rule?.spec.workloadSelector !== undefined,
  };
  return buildBackendTls(input, report);
}

/** Tells the endpoints of a service whose workloads a PeerAuthentication has take plain text; undefined where none does. */
function mutualTlsRefusal(
  { view: { snapshot } }: BuildContext,
  service: Service,
): ((endpoint: Endpoint) => boolean) | undefined {
  if (disablingPolicies(snapshot, service.namespace).length === 0) return undefined;
  return ({ namespace, labels, port }) => mtlsModeOf(snapshot, { namespace, labels, port }) === "DISABLE";
}

function buildBackend(
  input: ServiceInput,
  port: ServicePort,
  subset: string,
  labels: Readonly<Record<string, string>> | undefined,
): { readonly backend: Backend; readonly loadAssignment?: LoadAssignment } {
  const { context, service, rule, endpoints } = input;
  const { mesh, view } = context;
  const policy = effectivePolicy(rule?.spec, port.port, subset);
  const nameOf = input.passesOn ? backendSni : backendName;
  const name = nameOf(port.port, subset, service.hostname);
  const outlierDetection = buildOutlierDetection(policy.outlierDetection);
  const { localityLbSetting, zoneAwareLbSetting } = policy.loadBalancer ?? {};
  const { preference, weighted, zoneAware } = buildPreference({
    setting: localityLbSetting,
    zones: zoneAwareLbSetting,
    mesh,
    service,
    // Only where failures are noticed can others take over, so only then are the near ones preferred.
    noticesFailures: outlierDetection !== undefined,
    locality: context.locality,
    labels: clientLabels(context),
  });
  const localities = buildLocalities(endpoints, {
    service,
    portName: port.name,
    ...(labels ? { labels } : {}),
    preference,
    ...defined({ refusesMutualTls: mutualTlsRefusal(context, service) }),
  });
  const passthrough = policy.loadBalancer?.simple === "PASSTHROUGH";
  const discovery = discoveryOf(input, passthrough, localities);
  const http = buildUpstreamHttp(port.protocol, policy.connectionPool, {
    sniffs: view.node.type === "sidecar",
    upgrades: mesh.h2UpgradePolicy === "UPGRADE",
  });
  const tls = backendTls(input, port, subset, {
    settings: policy.tls,
    http2: http?.protocol === "http2" || isHttp2(port.protocol),
    automatic: automaticTls(input, port, discovery),
  });
  const keepalive = buildKeepalive(policy.connectionPool, mesh);
  const origin = [serviceRef(service), ...(rule ? [configRef(rule)] : [])];
  const backend: Backend = {
    name,
    discovery,
    connectTimeoutMs: durationMs(policy.connectionPool?.tcp?.connectTimeout) ?? mesh.connectTimeoutMs,
    limits: buildLimits(policy.connectionPool, policy.retryBudget),
    loadBalancing:
      discovery.kind === "original-destination" || discovery.kind === "dynamic-dns"
        ? { kind: "provided" }
        : buildLoadBalancing(policy.loadBalancer),
    services: [backendService(service)],
    external: service.meshExternal,
    exchangesMetadata: true,
    origin,
    ...(outlierDetection ? { outlierDetection } : {}),
    ...(http ? { http } : {}),
    ...(keepalive ? { tcpKeepalive: keepalive } : {}),
    ...(tls ? { tls } : {}),
    ...(weighted && discovery.kind !== "dynamic-dns" ? { localityWeighted: true } : {}),
    ...(zoneAware ? { zoneAware } : {}),
    ...(policy.proxyProtocol && !input.passesOn
      ? { proxyProtocol: policy.proxyProtocol.version === "V2" ? 2 : 1 }
      : {}),
    ...(subset === "" ? {} : { subset }),
    ...(rule ? { config: configRef(rule) } : {}),
  };
  return discovery.kind === "eds" ? { backend, loadAssignment: { name, localities, origin } } : { backend };
}

/** Says which ports of a service with dynamic DNS nothing can be sent to. */
function reportUnservedPorts(context: BuildContext, service: Service): void {
  if (service.resolution !== "DynamicDNS") return;
  const served = servedPorts(context, service);
  const report = context.problems.for(serviceRef(service));
  for (const [index, port] of service.ports.entries())
    if (!served.includes(port))
      report.warn(
        "unsupported-field",
        `spec.ports[${index}].protocol`,
        looksUpHosts(context.view)
          ? `${port.protocol} does not say which host it is for, as DYNAMIC_DNS needs; allowed are HTTP, HTTP2, GRPC and TLS`
          : "the proxy lacks the filter that looks up hosts, which DYNAMIC_DNS needs",
      );
}

function buildOne(
  context: BuildContext,
  service: Service,
  rule: ConsolidatedDestinationRule | undefined,
  endpoints: readonly Endpoint[],
): WithProblems<ServiceBackends> {
  const problems = new ProblemList();
  const scoped = { ...context, problems };
  const report = reporterFor(scoped, rule);
  if (rule && report) reportUnsupported("DestinationRule", rule, report);
  const out = { backends: [] as Backend[], loadAssignments: [] as LoadAssignment[] };
  const input = { context: scoped, service, rule, endpoints, report };
  const ports = servedPorts(scoped, service);
  for (const port of ports) portBackends(input, port, out);
  if (passesMeshTrafficOn(context.view) && !service.meshExternal)
    for (const port of ports) portBackends({ ...input, passesOn: true }, port, out);
  reportUnservedPorts(scoped, service);
  return { value: out, problems: problems.all() };
}

/** All that the backends of a service depend on besides the service, its rule, its endpoints and the mesh config. */
function variantOf(
  context: BuildContext,
  service: Service,
  rule: ConsolidatedDestinationRule | undefined,
): string {
  const { node } = context.view;
  const { region, zone, subzone } = context.locality;
  const modes = service.ports.map((port) => serviceMtlsMode(context, service, port));
  // Endpoints are ordered by distance only where something asks for it.
  const asked = rule ?? context.mesh.localityLbSetting?.distribute ?? service.trafficDistribution;
  const locality = asked === undefined ? "" : `${region}/${zone}/${subzone}/${node.network}`;
  const labels = comparedLabelsOf(context, rule).map((name) => clientLabels(context)[name] ?? "");
  return [
    "backends",
    node.type,
    node.interceptionMode,
    context.mutualTls,
    passesMeshTrafficOn(context.view),
    dnsFamilyOf(context),
    looksUpHosts(context.view),
    locality,
    ...disablingPolicies(context.view.snapshot, service.namespace).map(({ version }) => version),
    ...modes,
    ...labels,
  ].join("|");
}

/** The backends of every service in scope, and the endpoints of those that get them over EDS. */
export function buildServiceBackends(
  context: BuildContext,
): ServiceBackends & { readonly problems: readonly Problem[] } {
  const { view, mesh, memo } = context;
  const out = {
    backends: [] as Backend[],
    loadAssignments: [] as LoadAssignment[],
    problems: [] as Problem[],
  };
  for (const service of view.scope.services) {
    if (service.resolution === "Alias") continue;
    const rule = ruleFor(context, service);
    const endpoints = endpointsOf(view.snapshot, service);
    const built = memo.get([service, rule, endpoints, mesh], variantOf(context, service, rule), () =>
      buildOne(context, service, rule, endpoints),
    );
    for (const backend of built.value.backends) out.backends.push(backend);
    for (const assignment of built.value.loadAssignments) out.loadAssignments.push(assignment);
    for (const problem of built.problems) out.problems.push(problem);
  }
  return out;
}
