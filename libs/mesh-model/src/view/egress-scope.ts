import type {
  MeshConfig,
  OutboundTrafficPolicy,
  Sidecar,
  SidecarPort,
  VirtualService,
} from "@weft/istio-api";
import type { Config } from "../config.ts";
import { meshGateway } from "../istio/resolve-names.ts";
import type { Service } from "../service.ts";
import type { Exported, MeshSnapshot } from "../snapshot.ts";
import { parseEgressHosts, selectServices, selectVirtualServices } from "./egress-hosts.ts";
import { servicesByHostname, visibleServices } from "./services.ts";
import { addDestinations } from "./virtual-service-destinations.ts";
import { virtualServicesForGateway } from "./virtual-services.ts";

/** What a listener for outbound traffic reaches. */
export interface EgressListener {
  /** Absent: the listener stands for all ports of its services. */
  readonly port?: SidecarPort;
  /** Address or Unix socket to listen on; absent: left to translation. */
  readonly bind?: string;
  readonly captureMode: "DEFAULT" | "IPTABLES" | "NONE";
  /** Cut down to the one port where the listener has one (and is no forward proxy). Each host stands once. */
  readonly services: readonly Service[];
  readonly virtualServices: readonly Exported<VirtualService>[];
}

/** What the proxies of one namespace (or those one Sidecar applies to) can reach. Shared by all of them. */
export interface EgressScope {
  /** Equal in one snapshot for proxies that share the scope: `namespace` or `namespace|sidecar namespace/name`. */
  readonly key: string;
  /** Namespace of the proxies. */
  readonly namespace: string;
  readonly sidecar?: Config<Sidecar>;
  /** At least one, in the order of the Sidecar. */
  readonly listeners: readonly EgressListener[];
  /** The services of all listeners, each host once, and those their VirtualServices send traffic to. */
  readonly services: readonly Service[];
  readonly servicesByHostname: ReadonlyMap<string, Service>;
  readonly outboundTrafficPolicy: {
    readonly mode: MeshConfig["outboundTrafficPolicy"];
    readonly egressProxy?: NonNullable<OutboundTrafficPolicy["egressProxy"]>;
  };
}

/** The scope of the proxies of a namespace that no Sidecar applies to: all that is visible. */
export function defaultScope(snapshot: MeshSnapshot, namespace: string): EgressScope {
  return snapshot.scopes.get(namespace, () => {
    const services = visibleServices(snapshot, namespace);
    return Object.freeze({
      key: namespace,
      namespace,
      listeners: [
        {
          captureMode: "DEFAULT" as const,
          services,
          virtualServices: virtualServicesForGateway(snapshot, namespace, meshGateway),
        },
      ],
      services,
      servicesByHostname: servicesByHostname(snapshot, services),
      outboundTrafficPolicy: { mode: snapshot.meshConfig.outboundTrafficPolicy },
    });
  });
}

/** The scope of the proxies of a namespace that a Sidecar applies to. */
export function sidecarScope(
  snapshot: MeshSnapshot,
  namespace: string,
  sidecar: Config<Sidecar>,
): EgressScope {
  const key = `${namespace}|${sidecar.namespace}/${sidecar.name}`;
  return snapshot.scopes.get(key, () => {
    const base = defaultScope(snapshot, namespace);
    const { egress = [], outboundTrafficPolicy } = sidecar.spec;
    const listeners =
      egress.length === 0
        ? base.listeners
        : egress.map((listener) => toListener(snapshot, namespace, base, listener));
    const services = egress.length === 0 ? base.services : addDestinations(snapshot, namespace, listeners);
    return Object.freeze({
      key,
      namespace,
      sidecar,
      listeners,
      services,
      servicesByHostname: servicesByHostname(snapshot, services),
      outboundTrafficPolicy: outboundTrafficPolicy
        ? // The mode left out means the enum's first value.
          { ...outboundTrafficPolicy, mode: outboundTrafficPolicy.mode ?? ("REGISTRY_ONLY" as const) }
        : base.outboundTrafficPolicy,
    });
  });
}

type Egress = NonNullable<Sidecar["egress"]>[number];

function toListener(
  snapshot: MeshSnapshot,
  namespace: string,
  base: EgressScope,
  listener: Egress,
): EgressListener {
  const hosts = parseEgressHosts(listener.hosts, namespace);
  const all = base.listeners.flatMap(({ virtualServices }) => virtualServices);
  return {
    captureMode: listener.captureMode ?? "DEFAULT",
    ...(listener.port ? { port: listener.port } : {}),
    ...(listener.bind ? { bind: listener.bind } : {}),
    services: selectServices(visibleServices(snapshot, namespace), hosts, namespace, ownPort(listener)),
    virtualServices: selectVirtualServices(all, hosts),
  };
}

/** The one port of its services that a listener stands for; a forward proxy's own port says nothing of theirs. */
function ownPort({ port }: Egress): number | undefined {
  return port?.protocol?.toUpperCase() === "HTTP_PROXY" ? undefined : port?.number;
}
