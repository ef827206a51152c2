import type { HTTPRoute, VirtualService } from "@weft/istio-api";
import { type Config, compareByCreation, type MeshObject } from "@weft/mesh-model";
import { annotation } from "../names.ts";
import { generatedObject } from "../output.ts";
import { compareHttpRoutes } from "./precedence.ts";

/** The routes that one object has for one host of one gateway, or of one namespace's mesh. */
export interface HttpShare {
  readonly source: Config<unknown>;
  /** Shares with one key make up one VirtualService: a gateway or namespace, and a host. */
  readonly key: string;
  readonly gateway: string;
  readonly host: string;
  readonly http: readonly HTTPRoute[];
}

/** The annotation that names the objects something was made from. */
export function parentsAnnotation(sources: readonly Config<unknown>[]): string {
  return sources.map(({ kind, name, namespace }) => `${kind}/${name}.${namespace}`).join(",");
}

/** A VirtualService made from routes of the Gateway API. */
export function toVirtualService(
  name: string,
  sources: readonly [Config<unknown>, ...Config<unknown>[]],
  spec: VirtualService,
): MeshObject {
  return generatedObject("VirtualService", name, sources[0], {
    annotations: { [annotation.parents]: parentsAnnotation(sources), [annotation.routeSemantics]: "gateway" },
    spec,
  });
}

/**
 * Puts all routes for a host together, as it takes one VirtualService to order them by the rules of the Gateway API:
 * the most specific first, then the oldest, then by name.
 */
export function mergeShares(shares: readonly HttpShare[]): readonly MeshObject[] {
  return [...Map.groupBy(shares, ({ key }) => key)].flatMap(([key, group]) => {
    const sorted = [...group].sort((a, b) => compareBySpecification(a.source, b.source));
    const [first, ...others] = sorted;
    if (first === undefined) return [];
    const sources = [first.source, ...others.map(({ source }) => source)] as const;
    const http = sorted.flatMap((share) => share.http).sort(compareHttpRoutes);
    const spec = { hosts: [first.host], gateways: [first.gateway], http };
    return [toVirtualService(key.replaceAll("/", "~"), unique(sources), spec)];
  });
}

function unique(
  sources: readonly [Config<unknown>, ...Config<unknown>[]],
): readonly [Config<unknown>, ...Config<unknown>[]] {
  const [first, ...others] = sources;
  return [first, ...new Set(others.filter((other) => other !== first))];
}

/** The Gateway API's order of equals: the older first, then by `namespace/name`. */
function compareBySpecification(a: Config<unknown>, b: Config<unknown>): number {
  if (a.createdAt !== b.createdAt) return a.createdAt - b.createdAt;
  if (a.namespace !== b.namespace) return a.namespace < b.namespace ? -1 : 1;
  return compareByCreation(a, b);
}
