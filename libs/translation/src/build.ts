import type { WithProblems } from "@weft/base";
import { endpointsOf, type MeshSnapshot, type ProxyView, serviceKey } from "@weft/mesh-model";
import { buildServiceBackends, type ServiceBackends } from "./clusters/build.ts";
import { looksUpUnknown } from "./clusters/dynamic-dns.ts";
import { blackHole, dynamicDns, inboundPassthrough, passthrough } from "./clusters/fixed.ts";
import { buildInboundBackend } from "./clusters/inbound.ts";
import { type BuildContext, createContext } from "./context.ts";
import { buildExtensions } from "./extensions/build.ts";
import { buildGateway } from "./gateway/build.ts";
import type { Backend, IrPart, LoadAssignment, ProxyIr, ProxyTraits, RouteTable } from "./ir/index.ts";
import { buildInboundListeners } from "./listeners/inbound.ts";
import { inboundPorts } from "./listeners/inbound-ports.ts";
import { buildOutboundListeners } from "./listeners/outbound.ts";
import { virtualOutbound } from "./listeners/virtual-outbound.ts";
import { IdentityMemo } from "./memo.ts";
import { outboundVariant } from "./outbound-variant.ts";
import { ProblemList } from "./problems.ts";
import { configRef } from "./refs.ts";
import { buildOutboundTable } from "./routes/outbound.ts";
import { reportUnservedTargets } from "./security/attachment.ts";
import { finish, type Steps } from "./steps.ts";
import { buildTelemetry } from "./telemetry/build.ts";
import { reportProxyConfigs, reportUnsupported } from "./unsupported.ts";

/** A filter that only Istio's own build of Envoy has. */
const istioFilter = "istio.metadata_exchange";

/** What the shape of a proxy's resources depends on besides its view. */
export function traitsOf(view: ProxyView): ProxyTraits {
  const { node } = view;
  const labels = view.workload?.labels ?? view.labels;
  const istioExtensions = node.extensions
    ? node.extensions.includes(istioFilter)
    : node.istioVersion !== undefined;
  return {
    istioExtensions,
    setsFilterState:
      !istioExtensions && node.extensions?.includes("envoy.filters.http.set_filter_state") === true,
    agentServesFiles: node.istioVersion !== undefined,
    canonicalName: labels["service.istio.io/canonical-name"] ?? "unknown",
    canonicalRevision: labels["service.istio.io/canonical-revision"] ?? "latest",
    namespace: node.namespace,
    clusterId: node.clusterId,
    meshId: node.meshId,
    extensions: buildExtensions(view),
    telemetry: buildTelemetry(view),
    pathNormalization: view.snapshot.meshConfig.pathNormalization,
  };
}

/** What is the proxy's own: its fixed backends, and what it takes for its workload. */
function buildOwnPart(context: BuildContext): IrPart {
  const { view, mesh } = context;
  const intercepted = view.node.interceptionMode !== "NONE";
  const ports = inboundPorts(context);
  return {
    backends: [
      blackHole(mesh),
      passthrough(mesh),
      ...(looksUpUnknown(context) ? [dynamicDns(context)] : []),
      ...(intercepted ? [inboundPassthrough(mesh)] : []),
      ...ports.map((port) => buildInboundBackend(context, port)),
    ],
    loadAssignments: [],
    listeners: [...(intercepted ? [virtualOutbound(context)] : []), ...buildInboundListeners(context, ports)],
    routes: [],
  };
}

function buildGatewayPart(context: BuildContext): IrPart {
  return { backends: [blackHole(context.mesh)], loadAssignments: [], ...buildGateway(context) };
}

/** All that the backends of a scope depend on besides their {@link outboundVariant}: the routes of the mesh do not matter to them. */
function backendInputs({ view, mesh }: BuildContext): readonly (object | undefined)[] {
  const { configs, endpoints } = view.snapshot;
  return [
    view.scope.services,
    configs.destinationRules,
    endpoints,
    configs.others.get("PeerAuthentication"),
    mesh,
  ];
}

/** Services of which the backends are built in one step. */
const servicesInStep = 16;

function buildBackends(context: BuildContext): Steps<WithProblems<ServiceBackends>> {
  const { view } = context;
  const { services } = view.scope;
  return context.memo.inSteps(backendInputs(context), outboundVariant(context), function* () {
    const problems = new ProblemList();
    const backends: Backend[] = [];
    const loadAssignments: LoadAssignment[] = [];
    for (let at = 0; at < services.length; at += servicesInStep) {
      const scope = { ...view.scope, services: services.slice(at, at + servicesInStep) };
      const some = buildServiceBackends({ ...context, problems, view: { ...view, scope } });
      for (const backend of some.backends) backends.push(backend);
      for (const assignment of some.loadAssignments) loadAssignments.push(assignment);
      problems.addAll(some.problems);
      yield;
    }
    return { value: { backends, loadAssignments }, problems: problems.all() };
  });
}

/** What is the same for every proxy with the same {@link outboundVariant} of a scope. */
function* buildSharedPart(context: BuildContext): Steps<WithProblems<IrPart>> {
  const problems = new ProblemList();
  const scoped = { ...context, problems };
  const { sidecar } = context.view.scope;
  if (sidecar) reportUnsupported("Sidecar", sidecar, problems.for(configRef(sidecar)));
  const own = yield* buildBackends(scoped);
  problems.addAll(own.problems);
  const outbound = yield* buildOutbound(context);
  problems.addAll(outbound.problems);
  return { value: { ...own.value, ...outbound.value }, problems: problems.all() };
}

type Outbound = Pick<IrPart, "listeners" | "routes">;

/**
 * The listeners and tables for outbound traffic. Endpoints come and go all the time, and only those of services without an address show
 * here: the rest is left out of the view, so that all of this stays while those do.
 */
function* buildOutbound(context: BuildContext): Steps<WithProblems<Outbound>> {
  const { view, memo } = context;
  if (view.node.type === "router") return { value: { listeners: [], routes: [] }, problems: [] };
  const endpoints = headlessEndpoints(context);
  return yield* memo.inSteps([view.scope, endpoints], outboundVariant(context), function* () {
    const problems = new ProblemList();
    const snapshot = { ...view.snapshot, endpoints };
    const scoped = { ...context, problems, view: { ...view, snapshot } };
    const { listeners, tables } = yield* buildOutboundListeners(scoped);
    const routes: RouteTable[] = [];
    for (const table of tables) routes.push(yield* buildOutboundTable(scoped, table));
    return { value: { listeners, routes }, problems: problems.all() };
  });
}

/** The endpoints of services without an address of their own; the same map for as long as they stay. */
function headlessEndpoints({ view, memo }: BuildContext): MeshSnapshot["endpoints"] {
  const { scope, snapshot } = view;
  const services = memo.get([scope], "headless-services", () =>
    scope.services.filter(({ resolution }) => resolution === "Passthrough"),
  );
  const now = new Map(services.map((service) => [serviceKey(service), endpointsOf(snapshot, service)]));
  const last = memo.get([scope], "headless-endpoints", () => ({ endpoints: now }));
  const same = [...now].every(([key, list]) => last.endpoints.get(key) === list);
  if (!same) last.endpoints = now;
  return last.endpoints;
}

/**
 * What a proxy is to do, built from what it may see. Pure: equal views give equal results. What was built for one
 * proxy of a view is taken over for others by `memo`.
 */
export function buildProxyIr(
  view: ProxyView,
  memo: IdentityMemo = new IdentityMemo(),
): WithProblems<ProxyIr> {
  return finish(proxyIrInSteps(view, memo));
}

/** As {@link buildProxyIr}. */
export function* proxyIrInSteps(view: ProxyView, memo: IdentityMemo): Steps<WithProblems<ProxyIr>> {
  const problems = new ProblemList();
  const context = createContext(view, memo, problems);
  reportUnservedTargets(context);
  reportProxyConfigs(context);
  buildTelemetry(view, problems);
  buildExtensions(view, problems);
  const shared = yield* memo.inSteps([view.scope, view.snapshot], outboundVariant(context), () =>
    buildSharedPart(context),
  );
  problems.addAll(shared.problems);
  const own = view.node.type === "router" ? buildGatewayPart(context) : buildOwnPart(context);
  return { value: { proxy: traitsOf(view), parts: [own, shared.value] }, problems: problems.all() };
}
