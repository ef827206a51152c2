import { contentHash, OverlayMap, type WithProblems } from "@weft/base";
import { type EncodedResource, type ResourceSet, type TypeUrl, typeUrls } from "@weft/envoy-api";
import type { ProxyView, Service } from "@weft/mesh-model";
import { traitsOf } from "./build.ts";
import { buildServiceBackends } from "./clusters/build.ts";
import { createContext } from "./context.ts";
import { selectPatches } from "./envoy-filter/select.ts";
import { isProxyless } from "./grpc/resources.ts";
import type { IdentityMemo } from "./memo.ts";
import { ProblemList } from "./problems.ts";
import { PieceEncoder } from "./resources/encode.ts";
import { mergedVersion, type ResourceList, replaceIn } from "./resources/resource-list.ts";
import { composeSet, type TypeResources } from "./resources/resource-set.ts";
import type { EncodedPiece } from "./resources/withhold.ts";

/** The lists that a set was made of: of each type those of the proxy's own resources, and those it shares. */
export type Lists = ReadonlyMap<TypeUrl, readonly ResourceList[]>;

/** A set with its lists. */
export interface MadeSet {
  readonly set: ResourceSet;
  readonly lists: Lists;
}

const none: ResourceList = { resources: [], version: contentHash("") };

/**
 * The set that a view with other endpoints of these services is translated to, in the time of these services: `last` is what the view
 * was translated to before, and nothing else has changed since. Undefined where more than clusters and assignments may be
 * other than they were, or where that cannot be told: then the view has to be translated in full.
 */
export function withEndpoints(
  view: ProxyView,
  services: readonly Service[],
  { last, memo }: { readonly last: MadeSet; readonly memo: IdentityMemo },
): WithProblems<MadeSet> | undefined {
  if (isProxyless(view) || services.some((service) => !isAlone(view, service, memo))) return undefined;
  if (selectPatches(view, memo).patches.some(({ applyTo }) => applyTo === "CLUSTER")) return undefined;
  const context = createContext({ ...view, scope: { ...view.scope, services } }, memo, new ProblemList());
  const { backends, loadAssignments, problems } = buildServiceBackends(context);
  const encoder = new PieceEncoder(traitsOf(view), memo);
  const pieces = {
    [typeUrls.cluster]: backends.map(encoder.cluster),
    [typeUrls.endpoint]: loadAssignments.map(encoder.loadAssignment),
  };
  const lists = new Map(last.lists);
  const types = new Map<string, TypeResources>();
  for (const typeUrl of [typeUrls.cluster, typeUrls.endpoint] as const) {
    const [own = none, shared = none] = last.lists.get(typeUrl) ?? [];
    const resources = last.set.ofType(typeUrl);
    const changed: EncodedPiece[] = [];
    for (const piece of pieces[typeUrl]) {
      const before = resources.get(piece.name);
      if (before === undefined || isHeldBack(piece) || isHeldBack(before)) return undefined;
      if (before.version !== piece.version) changed.push(piece);
    }
    if (changed.length === 0) continue;
    const next = memo.get([shared, ...changed], "replaced", () => replaceIn(shared, changed));
    if (next === undefined) return undefined;
    lists.set(typeUrl, [own, next]);
    types.set(typeUrl, {
      version: mergedVersion(own, next),
      resources: memo.get([resources, ...changed], "overlay", () => overlay(resources, changed)),
    });
  }
  const set = types.size === 0 ? last.set : composeSet(last.set, types);
  return { value: { set, lists }, problems };
}

/**
 * Whether nothing but the clusters and assignments of a service depends on its endpoints: not so without an address of its own, where they are
 * listened for and named in DNS; and which of two services with one host name counts is not decided here.
 */
function isAlone({ scope }: ProxyView, { hostname, resolution }: Service, memo: IdentityMemo): boolean {
  if (resolution === "Passthrough") return false;
  const counts = memo.get([scope], "services-of-host", () =>
    Map.groupBy(scope.services, (one) => one.hostname),
  );
  return counts.get(hostname)?.length === 1;
}

function isHeldBack({ withheld, any }: EncodedPiece): boolean {
  return withheld !== undefined || any.length === 0;
}

function overlay(
  resources: ReadonlyMap<string, EncodedResource>,
  changed: readonly EncodedResource[],
): ReadonlyMap<string, EncodedResource> {
  return OverlayMap.over(resources).with(changed.map((resource) => [resource.name, resource]));
}
