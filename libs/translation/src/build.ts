import type { WithProblems } from "@weft/base";
import type { ProxyView } from "@weft/mesh-model";
import { buildServiceBackends } from "./clusters/build.ts";
import { blackHole, inboundPassthrough, passthrough } from "./clusters/fixed.ts";
import { buildInboundBackend } from "./clusters/inbound.ts";
import { type BuildContext, createContext } from "./context.ts";
import { buildGateway } from "./gateway/build.ts";
import type { IrPart, ProxyIr, ProxyTraits } from "./ir/index.ts";
import { buildInboundListeners } from "./listeners/inbound.ts";
import { inboundPorts } from "./listeners/inbound-ports.ts";
import { buildOutboundListeners } from "./listeners/outbound.ts";
import { virtualOutbound } from "./listeners/virtual-outbound.ts";
import { IdentityMemo } from "./memo.ts";
import { outboundVariant } from "./outbound-variant.ts";
import { ProblemList } from "./problems.ts";
import { configRef } from "./refs.ts";
import { buildOutboundTable } from "./routes/outbound.ts";
import { reportUnsupported, reportUnsupportedKinds } from "./unsupported.ts";

/** A filter that only Istio's own build of Envoy has. */
const istioFilter = "istio.metadata_exchange";

/** What the shape of a proxy's resources depends on besides its view. */
export function traitsOf(view: ProxyView): ProxyTraits {
  const { node } = view;
  const labels = view.workload?.labels ?? view.labels;
  return {
    istioExtensions: node.extensions
      ? node.extensions.includes(istioFilter)
      : node.istioVersion !== undefined,
    agentServesFiles: node.istioVersion !== undefined,
    canonicalName: labels["service.istio.io/canonical-name"] ?? "unknown",
    canonicalRevision: labels["service.istio.io/canonical-revision"] ?? "latest",
    namespace: node.namespace,
    clusterId: node.clusterId,
    meshId: node.meshId,
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

/** What is the same for every proxy with the same {@link outboundVariant} of a scope. */
function buildSharedPart(context: BuildContext): WithProblems<IrPart> {
  const problems = new ProblemList();
  const scoped = { ...context, problems };
  const { sidecar } = context.view.scope;
  if (sidecar) reportUnsupported("Sidecar", sidecar, problems.for(configRef(sidecar)));
  const { backends, loadAssignments, problems: found } = buildServiceBackends(scoped);
  problems.addAll(found);
  const outbound =
    context.view.node.type === "router" ? { listeners: [], tables: [] } : buildOutboundListeners(scoped);
  const value = {
    backends,
    loadAssignments,
    listeners: outbound.listeners,
    routes: outbound.tables.map((table) => buildOutboundTable(scoped, table)),
  };
  return { value, problems: problems.all() };
}

/**
 * What a proxy is to do, built from what it may see. Pure: equal views give equal results. What was built for one
 * proxy of a view is taken over for others by `memo`.
 */
export function buildProxyIr(
  view: ProxyView,
  memo: IdentityMemo = new IdentityMemo(),
): WithProblems<ProxyIr> {
  const problems = new ProblemList();
  const context = createContext(view, memo, problems);
  reportUnsupportedKinds(context);
  const shared = memo.get([view.scope, view.snapshot], outboundVariant(context), () =>
    buildSharedPart(context),
  );
  problems.addAll(shared.problems);
  const own = view.node.type === "router" ? buildGatewayPart(context) : buildOwnPart(context);
  return { value: { proxy: traitsOf(view), parts: [own, shared.value] }, problems: problems.all() };
}
