import { gatewayApiGroup, type ParentReference } from "@weft/istio-api";
import { hostsOverlap, meshGateway } from "@weft/mesh-model";
import type { Failure } from "../conditions.ts";
import type { Context } from "../context.ts";
import { type ParentListener, type ParentListeners, parentKey } from "../gateways/parents.ts";
import { serviceHostname } from "../names.ts";

/** What routes may attach to. */
export interface Parents {
  readonly listeners: ParentListeners;
  /** Hosts of each ServiceEntry, by `namespace/name`. */
  readonly serviceEntries: ReadonlyMap<string, readonly string[]>;
}

/** A parentRef of a route, for one listener of what it names. */
export type RouteParent = {
  readonly ref: ParentReference;
  /** Why the route is not attached. */
  readonly denied?: Failure;
  /** `namespace/name` of an Istio Gateway, or `mesh`. */
  readonly gateway: string;
} & (
  | {
      readonly kind: "listener";
      readonly parent: string;
      readonly listener: ParentListener["listener"];
      /** Hosts of the other listeners on its port that speak its protocol. */
      readonly rivals: readonly string[];
    }
  | { readonly kind: "mesh"; readonly hosts: readonly string[] }
);

/** The route that refers to parents. */
export interface AttachingRoute {
  readonly kind: string;
  readonly namespace: string;
  readonly parentRefs: readonly ParentReference[];
  readonly hostnames: readonly string[];
}

/** Resolves the parentRefs of a route. References to what is another controller's are left out. */
export function resolveParents(
  route: AttachingRoute,
  parents: Parents,
  context: Context,
): readonly RouteParent[] {
  return route.parentRefs
    .flatMap((ref) => resolveParent(ref, route, parents, context))
    .map((parent) => ({ parent, key: refKey(parent.ref, route.namespace) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ parent }) => parent);
}

/** Identity of a parentRef, with its defaults filled in. */
export function refKey(ref: ParentReference, routeNamespace: string): string {
  const { group = gatewayApiGroup, kind = "Gateway", name, namespace = routeNamespace } = ref;
  return `${group}/${kind}/${name}/${ref.sectionName ?? ""}/${ref.port ?? 0}.${namespace}`;
}

function resolveParent(
  ref: ParentReference,
  route: AttachingRoute,
  { listeners, serviceEntries }: Parents,
  { input }: Context,
): readonly RouteParent[] {
  const { group = gatewayApiGroup, kind = "Gateway", name, namespace = route.namespace } = ref;
  const mesh = { kind: "mesh", ref, gateway: meshGateway } as const;
  switch (`${group}/${kind}`) {
    case "/Service": {
      const host = serviceHostname(name, namespace, input.domainSuffix);
      if (input.service(host)) return [{ ...mesh, hosts: [host] }];
      return [{ ...mesh, hosts: [], denied: noParent(`parent service: "${name}" not found`) }];
    }
    case "networking.istio.io/ServiceEntry": {
      const hosts = serviceEntries.get(`${namespace}/${name}`);
      if (hosts) return [{ ...mesh, hosts }];
      return [{ ...mesh, hosts: [], denied: noParent(`parent service entry: "${name}" not found`) }];
    }
    case `${gatewayApiGroup}/Gateway`:
    case `${gatewayApiGroup}/ListenerSet`: {
      const parent = parentKey(kind, namespace, name);
      const all = listeners.get(parent) ?? [];
      return all.map((candidate) => {
        const denied = denial(ref, candidate, route);
        return {
          kind: "listener",
          ref,
          parent,
          gateway: candidate.gateway,
          listener: candidate.listener,
          rivals: rivalsOf(candidate, all),
          ...(denied ? { denied } : {}),
        };
      });
    }
    default:
      return [];
  }
}

function noParent(message: string): Failure {
  return { reason: "NoMatchingParent", message };
}

function rivalsOf({ listener }: ParentListener, all: readonly ParentListener[]): readonly string[] {
  return all
    .map((other) => other.listener)
    .filter((other) => other.port === listener.port && other.protocol === listener.protocol)
    .map(({ hostname = "" }) => hostname)
    .filter((hostname) => hostname !== (listener.hostname ?? ""));
}

function denial(
  { port, sectionName }: ParentReference,
  { listener, hosts, kinds }: ParentListener,
  route: AttachingRoute,
): Failure | undefined {
  if (port !== undefined && port !== listener.port) return noParent(`port ${port} not found`);
  if (sectionName !== undefined && sectionName !== listener.name)
    return noParent(`sectionName "${sectionName}" not found`);
  const hostnames = route.hostnames.length > 0 ? route.hostnames : ["*"];
  const matching = hosts.filter((entry) =>
    hostnames.some((hostname) => hostsOverlap(entry.slice(entry.indexOf("/") + 1), hostname)),
  );
  const parentHost = listener.hostname ?? "";
  if (matching.length === 0) {
    const message = `no hostnames matched parent hostname "${parentHost}"`;
    return { reason: "NoMatchingListenerHostname", message };
  }
  if (!matching.some((entry) => entry.startsWith("*/") || entry.startsWith(`${route.namespace}/`))) {
    const message = `hostnames matched parent hostname "${parentHost}", but namespace "${route.namespace}" is not allowed by the parent`;
    return { reason: "NotAllowedByListeners", message };
  }
  if (kinds.some(({ kind }) => kind === route.kind)) return undefined;
  return { reason: "NotAllowedByListeners", message: `kind ${route.kind} is not allowed` };
}
