import { contentHash } from "@weft/base";
import { type EncodedResource, type ResourceSet, type TypeUrl, typeUrls } from "@weft/envoy-api";
import type { IdentityMemo } from "../memo.ts";
import type { Steps } from "../steps.ts";
import { mergedVersion, mergeLists, type ResourceList, toResourceList } from "./resource-list.ts";
import { isSent, withheldOf } from "./withhold.ts";

type Resources = ReadonlyMap<string, EncodedResource>;

const none = toResourceList([]);
const noResources: Resources = new Map();

function toMap({ resources }: ResourceList): Resources {
  return new Map(resources.filter(isSent).map((resource) => [resource.name, resource]));
}

/** The resources of one type, with the hash of all of them. */
export interface TypeResources {
  readonly version: string;
  readonly resources: Resources;
}

/**
 * All of a proxy's resources. Of lists that `memo` has seen, the same maps; of types that are equal in `previous`, what it had before, so
 * that to tell that nothing changed nobody looks further.
 */
export function* toResourceSet(
  lists: ReadonlyMap<TypeUrl, readonly ResourceList[]>,
  memo: IdentityMemo,
  previous?: ResourceSet,
): Steps<ResourceSet> {
  const types = new Map<string, TypeResources>();
  for (const typeUrl of Object.values(typeUrls)) {
    const [own = none, shared = none] = lists.get(typeUrl) ?? [];
    const version = mergedVersion(own, shared);
    const layers = [own, shared].filter((list) => list.resources.length > 0);
    const resources =
      previous?.typeVersion(typeUrl) === version
        ? previous.ofType(typeUrl)
        : memo.get(layers, `map|${typeUrl}`, () => toMap(mergeLists(own, shared)));
    types.set(typeUrl, { version, resources });
    yield;
  }
  const withheld = [...lists.values()].flatMap((ofType) =>
    ofType.flatMap((list) => memo.get([list], "withheld", () => withheldOf(list.resources))),
  );
  return freezeSet(types, withheld);
}

/** The set with other resources of some types, none of which are withheld. */
export function composeSet(set: ResourceSet, changed: ReadonlyMap<string, TypeResources>): ResourceSet {
  const types = Object.values(typeUrls).map((typeUrl) => {
    const same = { version: set.typeVersion(typeUrl), resources: set.ofType(typeUrl) };
    return [typeUrl, changed.get(typeUrl) ?? same] as const;
  });
  return freezeSet(new Map(types), set.withheld ?? []);
}

function freezeSet(
  types: ReadonlyMap<string, TypeResources>,
  withheld: NonNullable<ResourceSet["withheld"]>,
): ResourceSet {
  const version = contentHash([...types].map(([typeUrl, type]) => `${typeUrl}\n${type.version}`).join("\n"));
  return Object.freeze({
    version,
    ...(withheld.length === 0 ? {} : { withheld }),
    ofType: (typeUrl: string) => types.get(typeUrl)?.resources ?? noResources,
    typeVersion: (typeUrl: string) => types.get(typeUrl)?.version ?? none.version,
  });
}
