import type { Problem } from "@weft/base";
import {
  type BackendTLSPolicySpec,
  findKind,
  type GatewayClassSpec,
  type GRPCRouteSpec,
  gatewayApiGroup,
  type HTTPRouteSpec,
  type KubernetesGatewaySpec,
  type ListenerSetSpec,
  type PolicyAncestorStatus,
  type ReferenceGrantSpec,
  type ServiceEntry,
  type TCPRouteSpec,
  type TLSRouteSpec,
} from "@weft/istio-api";
import { type Config, type Derived, type MeshObject, type ObjectStatus, readConfig } from "@weft/mesh-model";
import { conditionsOf } from "./conditions.ts";
import type { Context } from "./context.ts";
import { findClass, isOwnClass } from "./gateways/classes.ts";
import {
  type BuiltGateway,
  buildGateway,
  gatewayStatus,
  toIstioGateway,
  unsupportedGateway,
} from "./gateways/convert.ts";
import type { BuiltListener } from "./gateways/listener.ts";
import { type ParentListener, parentKey } from "./gateways/parents.ts";
import type { GatewayApiInput } from "./input.ts";
import {
  type BuiltListenerSet,
  buildListenerSets,
  isAttached,
  listenerSetStatus,
} from "./listener-sets/convert.ts";
import { gatewayName } from "./names.ts";
import { refOf } from "./output.ts";
import { convertBackendTlsPolicies } from "./policies/backend-tls.ts";
import { backendHosts } from "./references/backend-hosts.ts";
import { readGrants } from "./references/grants.ts";
import { convertGrpcRoute } from "./routes/grpc/convert.ts";
import { convertHttpRoute } from "./routes/http/convert.ts";
import type { RouteParent } from "./routes/parents.ts";
import { convertTcpRoute } from "./routes/tcp/convert.ts";
import { convertTlsRoute } from "./routes/tls/convert.ts";
import { type HttpShare, mergeShares } from "./routes/virtual-services.ts";

/** The objects of a kind, the older first, then by namespace and name: who is first has the better claim. */
function listOf<Spec>(
  input: GatewayApiInput,
  kind: string,
  group = gatewayApiGroup,
): readonly Config<Spec>[] {
  const versions = findKind(group, kind)?.versions ?? [];
  return input
    .objects(`${group}/${kind}`)
    .filter(({ apiVersion }) => versions.includes(apiVersion.slice(apiVersion.indexOf("/") + 1)))
    .map((object) => readConfig<Spec>(object))
    .sort(
      (a, b) => a.createdAt - b.createdAt || compare(a.namespace, b.namespace) || compare(a.name, b.name),
    );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Converts everything. Pure, and the same whatever the order of objects. */
export function convertGatewayApi(input: GatewayApiInput): Derived {
  return new Conversion(input).run();
}

/** Counts of routes by listener. */
function listenerKey(parent: string, listener: string): string {
  return `${parent}#${listener}`;
}

class Conversion {
  readonly #context: Context;
  readonly #input: GatewayApiInput;
  readonly #objects: MeshObject[] = [];
  readonly #statuses: ObjectStatus[] = [];
  readonly #problems: Problem[] = [];
  readonly #attached = new Map<string, number>();
  /** Names of the Gateways by the hosts that their routes lead to. */
  readonly #reached = new Map<string, Set<string>>();

  constructor(input: GatewayApiInput) {
    this.#input = input;
    const grants = readGrants(listOf<ReferenceGrantSpec>(input, "ReferenceGrant"));
    this.#context = { input, grants };
  }

  run(): Derived {
    this.#convertClasses();
    const gateways = this.#buildGateways();
    const sets = buildListenerSets(
      listOf<ListenerSetSpec>(this.#input, "ListenerSet"),
      gateways,
      this.#context,
    );
    for (const gateway of gateways.values()) {
      this.#problems.push(...unsupportedGateway(gateway));
      if (!gateway.class.routes) continue;
      for (const built of gateway.listeners.filter(({ usable }) => usable))
        this.#objects.push(toIstioGateway(gateway.config, built, gateway.services));
    }
    for (const { config, gateway, listeners } of sets)
      for (const built of listeners.filter(({ usable }) => usable))
        this.#objects.push(toIstioGateway(config, built, gateway.services, gateway.config.namespace));
    const entries = this.#serviceEntries();
    this.#convertRoutes(gateways, sets, entries);
    this.#reportGateways(gateways, sets);
    this.#convertPolicies(entries);
    return { objects: this.#objects, statuses: this.#statuses, problems: this.#problems };
  }

  #serviceEntries(): ReadonlyMap<string, Config<ServiceEntry>> {
    const entries = listOf<ServiceEntry>(this.#input, "ServiceEntry", "networking.istio.io");
    return new Map(entries.map((entry) => [`${entry.namespace}/${entry.name}`, entry]));
  }

  #convertClasses(): void {
    for (const config of listOf<GatewayClassSpec>(this.#input, "GatewayClass"))
      if (isOwnClass(config))
        this.#statuses.push({ object: refOf(config), status: { conditions: conditionsOf("gatewayClass") } });
  }

  /** Istio's Gateways by {@link parentKey}. */
  #buildGateways(): ReadonlyMap<string, BuiltGateway> {
    const classes = listOf<GatewayClassSpec>(this.#input, "GatewayClass");
    const gateways = new Map<string, BuiltGateway>();
    for (const config of listOf<KubernetesGatewaySpec>(this.#input, "Gateway")) {
      const ofClass = findClass(config.spec.gatewayClassName, classes);
      if (ofClass)
        gateways.set(
          parentKey("Gateway", config.namespace, config.name),
          buildGateway(config, ofClass, this.#context),
        );
    }
    return gateways;
  }

  #convertRoutes(
    gateways: ReadonlyMap<string, BuiltGateway>,
    sets: readonly BuiltListenerSet[],
    entries: ReadonlyMap<string, Config<ServiceEntry>>,
  ): void {
    const listeners = new Map<string, readonly ParentListener[]>();
    for (const [key, { config, class: ofClass, listeners: built }] of gateways)
      if (ofClass.routes)
        listeners.set(
          key,
          built.map((one) => toParent(config, one)),
        );
    for (const { config, listeners: built } of sets)
      listeners.set(
        parentKey("ListenerSet", config.namespace, config.name),
        built.map((one) => toParent(config, one)),
      );
    const serviceEntries = new Map([...entries].map(([key, { spec }]) => [key, spec.hosts] as const));
    const parents = { listeners, serviceEntries };
    const context = this.#context;
    const shares: HttpShare[] = [];
    const take = (
      config: Config<{ readonly rules?: Parameters<typeof backendHosts>[0] }>,
      route: { readonly bound: readonly { readonly parent: RouteParent }[]; readonly status: object },
    ) => this.#takeRoute(config, route, gateways, sets);
    for (const config of listOf<HTTPRouteSpec>(this.#input, "HTTPRoute")) {
      const route = convertHttpRoute(config, parents, context);
      shares.push(...route.shares);
      take(config, route);
    }
    for (const config of listOf<GRPCRouteSpec>(this.#input, "GRPCRoute")) {
      const route = convertGrpcRoute(config, parents, context);
      shares.push(...route.shares);
      take(config, route);
    }
    for (const config of listOf<TCPRouteSpec>(this.#input, "TCPRoute")) {
      const route = convertTcpRoute(config, parents, context);
      this.#objects.push(...route.objects);
      take(config, route);
    }
    for (const config of listOf<TLSRouteSpec>(this.#input, "TLSRoute")) {
      const route = convertTlsRoute(config, parents, context);
      this.#objects.push(...route.objects);
      take(config, route);
    }
    this.#objects.push(...mergeShares(shares));
  }

  /** Notes the status of a route, and what it attaches to. */
  #takeRoute(
    config: Config<{ readonly rules?: Parameters<typeof backendHosts>[0] }>,
    route: { readonly bound: readonly { readonly parent: RouteParent }[]; readonly status: object },
    gateways: ReadonlyMap<string, BuiltGateway>,
    sets: readonly BuiltListenerSet[],
  ): void {
    this.#statuses.push({ object: refOf(config), status: { ...route.status } });
    const bound = new Set<string>();
    for (const { parent } of route.bound) {
      if (parent.kind === "mesh") continue;
      bound.add(listenerKey(parent.parent, parent.listener.name));
      const gateway =
        gateways.get(parent.parent) ??
        sets.find(({ config: set }) => parentKey("ListenerSet", set.namespace, set.name) === parent.parent)
          ?.gateway;
      if (gateway === undefined) continue;
      for (const host of backendHosts(config.spec.rules ?? [], config.namespace, this.#input.domainSuffix))
        this.#reached.set(host, (this.#reached.get(host) ?? new Set()).add(gateway.config.name));
    }
    for (const key of bound) this.#attached.set(key, (this.#attached.get(key) ?? 0) + 1);
  }

  #reportGateways(gateways: ReadonlyMap<string, BuiltGateway>, sets: readonly BuiltListenerSet[]): void {
    const routesOf = (parent: string) => (listener: string) =>
      this.#attached.get(listenerKey(parent, listener)) ?? 0;
    for (const [key, gateway] of gateways) {
      const own = sets.filter((set) => set.gateway === gateway);
      const listeners = [...gateway.listeners, ...own.filter(isAttached).flatMap((set) => set.listeners)];
      const attached = {
        ports: listeners.map(({ listener }) => listener.port),
        listenerSets: own.filter(isAttached).length,
        routes: routesOf(key),
      };
      this.#statuses.push({
        object: refOf(gateway.config),
        status: gatewayStatus(gateway, attached, this.#context),
      });
    }
    for (const set of sets) {
      const routes = routesOf(parentKey("ListenerSet", set.config.namespace, set.config.name));
      this.#statuses.push({
        object: refOf(set.config),
        status: listenerSetStatus(set, routes, this.#context),
      });
    }
  }

  #convertPolicies(serviceEntries: ReadonlyMap<string, Config<ServiceEntry>>): void {
    const policies = listOf<BackendTLSPolicySpec>(this.#input, "BackendTLSPolicy");
    const bodies = new Map(
      this.#input
        .objects(`${gatewayApiGroup}/BackendTLSPolicy`)
        .map(({ metadata, body }) => [`${metadata.namespace}/${metadata.name}`, body.status] as const),
    );
    const { objects, statuses } = convertBackendTlsPolicies(policies, {
      context: this.#context,
      serviceEntries,
      gatewaysOf: (host) => [...(this.#reached.get(host) ?? [])].sort(),
      ancestorsOf: ({ name, namespace }) => {
        // Its structure has been validated with the rest of the object.
        const status = bodies.get(`${namespace}/${name}`) as
          | { readonly ancestors?: readonly PolicyAncestorStatus[] }
          | undefined;
        return status?.ancestors ?? [];
      },
    });
    this.#objects.push(...objects);
    this.#statuses.push(...statuses);
  }
}

function toParent(owner: Config<unknown>, { listener, server, kinds }: BuiltListener): ParentListener {
  return {
    gateway: `${owner.namespace}/${gatewayName(owner.name, listener.name)}`,
    listener,
    hosts: server.hosts,
    kinds,
  };
}
