import type { HeaderOperations, HTTPRoute, VirtualService } from "@weft/istio-api";
import type { Exported } from "../snapshot.ts";
import { isVisibleTo } from "../visibility.ts";
import { joinNames, mergeMatches } from "./merge-matches.ts";

type VirtualServices = readonly Exported<VirtualService>[];

/**
 * Puts the routes of delegates (VirtualServices without hosts) in the place of the routes that delegate to them, and
 * takes the delegates themselves out. A route whose delegate is missing, or not exported to its namespace, stays as it is,
 * so that who builds routes can say why it has no effect; one whose matches contradict the delegate's is left out. The
 * same list where there are no delegates.
 * https://istio.io/latest/docs/reference/config/networking/virtual-service/#Delegate
 */
export function mergeDelegates(all: VirtualServices): VirtualServices {
  const isRoot = ({ spec }: Exported<VirtualService>) => (spec.hosts ?? []).length > 0;
  const delegates = new Map(
    all.filter((config) => !isRoot(config)).map((config) => [`${config.namespace}/${config.name}`, config]),
  );
  const roots = all.filter(isRoot);
  const merged = roots.map((root) => mergeRoot(root, delegates));
  const same = merged.length === all.length && merged.every((config, i) => config === all[i]);
  return same ? all : Object.freeze(merged);
}

function mergeRoot(
  root: Exported<VirtualService>,
  delegates: ReadonlyMap<string, Exported<VirtualService>>,
): Exported<VirtualService> {
  const { http } = root.spec;
  if (!http?.some(({ delegate }) => delegate)) return root;
  const used: string[] = [root.version];
  const routes = http.flatMap((route): readonly HTTPRoute[] => {
    if (route.delegate === undefined) return [route];
    const found = delegates.get(`${route.delegate.namespace ?? root.namespace}/${route.delegate.name}`);
    if (found === undefined || !isVisibleTo(found.exportTo, root.namespace)) return [route];
    used.push(found.version);
    return (found.spec.http ?? []).flatMap((inner) => mergeRoute(route, inner));
  });
  return Object.freeze({ ...root, version: used.join("+"), spec: { ...root.spec, http: routes } });
}

function mergeRoute(root: HTTPRoute, inner: HTTPRoute): readonly HTTPRoute[] {
  const match = mergeMatches(root.match ?? [], inner.match ?? []);
  if (match === undefined) return [];
  const { delegate: _, ...outer } = root;
  const name = joinNames(root.name, inner.name);
  const headers = mergeHeaders(root.headers, inner.headers);
  return [
    {
      ...outer,
      ...inner,
      ...(name ? { name } : {}),
      ...(match.length > 0 ? { match } : {}),
      ...(headers ? { headers } : {}),
    },
  ];
}

function mergeHeaders(root: HTTPRoute["headers"], inner: HTTPRoute["headers"]): HTTPRoute["headers"] {
  if (root === undefined || inner === undefined) return inner ?? root;
  const request = mergeOperations(root.request, inner.request);
  const response = mergeOperations(root.response, inner.response);
  return { ...(request ? { request } : {}), ...(response ? { response } : {}) };
}

function mergeOperations(
  root: HeaderOperations | undefined,
  inner: HeaderOperations | undefined,
): HeaderOperations | undefined {
  if (root === undefined || inner === undefined) return inner ?? root;
  return {
    set: { ...root.set, ...inner.set },
    add: { ...root.add, ...inner.add },
    remove: [...(root.remove ?? []), ...(inner.remove ?? [])],
  };
}
