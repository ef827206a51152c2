import type { ObjectRef } from "@weft/base";
import type { IstioIngressListener, ServerTLSSettings } from "@weft/istio-api";
import { type Protocol, parseProtocol, type ServiceTarget } from "@weft/mesh-model";
import type { BuildContext } from "../context.ts";
import { configRef } from "../refs.ts";

/** A port of the own workload on which the proxy takes connections. */
export interface InboundPort {
  /** Where connections arrive; with interception, the port the application itself listens on. */
  readonly number: number;
  readonly protocol: Protocol;
  /** The service ports it serves; the first is what telemetry names it after. */
  readonly targets: readonly ServiceTarget[];
  /** The address of a socket of its own; absent where connections come by interception. */
  readonly bind?: string;
  /** The address its chains are named after: the one a Sidecar's port is for, or that of all. */
  readonly namedFor: string;
  /** TLS that a Sidecar ends here, in place of the mesh's mutual TLS. */
  readonly tls?: { readonly settings: ServerTLSSettings; readonly path: string };
  /** Where the application is to be found; absent where the connection's own destination is right. */
  readonly forwardTo?: { readonly address: string; readonly port: number };
  /** Objects it comes from besides the services. */
  readonly origin: readonly ObjectRef[];
}

const unixScheme = "unix://";

function parseEndpoint(text: string): { readonly address: string; readonly port: number } | undefined {
  if (text.startsWith(unixScheme)) return { address: text.slice(unixScheme.length), port: 0 };
  const parts = /^\[?([^\]]*)\]?:(\d+)$/.exec(text);
  return parts?.[1] === undefined ? undefined : { address: parts[1], port: Number(parts[2]) };
}

/** Ports that a Sidecar lists; they take the place of those that services declare. */
function fromSidecar(
  context: BuildContext,
  ingress: IstioIngressListener,
  index: number,
): InboundPort | undefined {
  const { view, problems } = context;
  const sidecar = view.scope.sidecar;
  const number = ingress.port.number ?? 0;
  if (sidecar === undefined || number === 0) return undefined;
  const ref = configRef(sidecar);
  const path = `spec.ingress[${index}]`;
  const endpoint = ingress.defaultEndpoint ? parseEndpoint(ingress.defaultEndpoint) : undefined;
  if (ingress.defaultEndpoint && endpoint === undefined) {
    problems.for(ref).unsupported(`${path}.defaultEndpoint`, `the endpoint ${ingress.defaultEndpoint}`);
    return undefined;
  }
  const bound = ingress.captureMode === "NONE" || view.node.interceptionMode === "NONE";
  const own = view.node.ipAddresses[0] ?? "0.0.0.0";
  const served = view.serviceTargets.filter(
    ({ targetPort, port }) => targetPort === number || port.port === number,
  );
  const anyAddress = endpoint?.address === "0.0.0.0" || endpoint?.address === "::";
  const forwardTo = endpoint
    ? { address: anyAddress ? own : endpoint.address, port: endpoint.port }
    : bound
      ? { address: "127.0.0.1", port: number }
      : undefined;
  return {
    number,
    protocol: parseProtocol(ingress.port.protocol ?? ""),
    targets: served,
    origin: [ref],
    namedFor: ingress.bind || own,
    ...(ingress.tls ? { tls: { settings: ingress.tls, path: `${path}.tls` } } : {}),
    ...(bound ? { bind: ingress.bind || own } : {}),
    ...(forwardTo ? { forwardTo } : {}),
  };
}

/** The ports of the own workload, in order: those its Sidecar lists, else those that services declare. */
export function inboundPorts(context: BuildContext): readonly InboundPort[] {
  const { view } = context;
  if (view.node.type !== "sidecar") return [];
  const ingress = view.scope.sidecar?.spec.ingress ?? [];
  if (ingress.length > 0)
    return ingress.flatMap((listener, index) => fromSidecar(context, listener, index) ?? []);
  const byPort = new Map<number, ServiceTarget[]>();
  for (const target of view.serviceTargets) {
    const list = byPort.get(target.targetPort);
    if (list) list.push(target);
    else byPort.set(target.targetPort, [target]);
  }
  const intercepted = view.node.interceptionMode !== "NONE";
  // With LOCALHOST the application need not listen on the address that clients ask for.
  const local = !intercepted || context.mesh.inboundTrafficPolicy === "LOCALHOST";
  const own = view.node.ipAddresses[0] ?? "0.0.0.0";
  return [...byPort.entries()]
    .sort(([a], [b]) => a - b)
    .map(([number, targets]) => ({
      number,
      // Of several services, the oldest says what is spoken.
      protocol: targets[0]?.port.protocol ?? "Unsupported",
      targets,
      origin: [],
      namedFor: intercepted ? "0.0.0.0" : own,
      ...(intercepted ? {} : { bind: own }),
      ...(local ? { forwardTo: { address: "127.0.0.1", port: number } } : {}),
    }));
}
