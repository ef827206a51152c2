import type { WithProblems } from "@weft/base";
import type { ProxyView } from "@weft/mesh-model";
import { buildServiceBackends } from "./clusters/build.ts";
import { blackHole, inboundPassthrough, passthrough } from "./clusters/fixed.ts";
import { buildInboundBackend } from "./clusters/inbound.ts";
import { type BuildContext, createContext } from "./context.ts";
import { buildGateway } from "./gateway/build.ts";
import type { Listener, ProxyIr, ProxyTraits, RouteTable } from "./ir/index.ts";
import { buildInboundListeners } from "./listeners/inbound.ts";
import { inboundPorts } from "./listeners/inbound-ports.ts";
import { buildOutboundListeners } from "./listeners/outbound.ts";
import { virtualOutbound } from "./listeners/virtual-outbound.ts";
import { IdentityMemo } from "./memo.ts";
import { ProblemList } from "./problems.ts";
import { configRef } from "./refs.ts";
import { buildOutboundTable } from "./routes/outbound.ts";
import { reportUnsupported } from "./unsupported.ts";

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

interface Traffic {
  readonly listeners: readonly Listener[];
  readonly routes: readonly RouteTable[];
}

function buildSidecar(context: BuildContext): Traffic & Pick<ProxyIr, "backends"> {
  const { view, mesh } = context;
  const intercepted = view.node.interceptionMode !== "NONE";
  const ports = inboundPorts(context);
  const outbound = buildOutboundListeners(context);
  return {
    backends: [
      blackHole(mesh),
      passthrough(mesh),
      ...(intercepted ? [inboundPassthrough(mesh)] : []),
      ...ports.map((port) => buildInboundBackend(context, port)),
    ],
    listeners: [
      ...(intercepted ? [virtualOutbound(context)] : []),
      ...outbound.listeners,
      ...buildInboundListeners(context, ports),
    ],
    routes: outbound.tables.map((table) => buildOutboundTable(context, table)),
  };
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
  const { sidecar } = view.scope;
  if (sidecar) reportUnsupported("Sidecar", sidecar, problems.for(configRef(sidecar)));
  const services = buildServiceBackends(context);
  problems.addAll(services.problems);
  const traffic =
    view.node.type === "router"
      ? { backends: [blackHole(context.mesh)], ...buildGateway(context) }
      : buildSidecar(context);
  return {
    value: {
      proxy: traitsOf(view),
      backends: [...traffic.backends, ...services.backends],
      loadAssignments: services.loadAssignments,
      listeners: traffic.listeners,
      routes: traffic.routes,
    },
    problems: problems.all(),
  };
}
