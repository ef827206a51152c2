import { contentHash } from "@weft/base";
import { type EncodedResource, type ResourceSet, type TypeUrl, typeUrls } from "@weft/envoy-api";
import type { IdentityMemo } from "../memo.ts";
import { mergeLists, type ResourceList, toResourceList } from "./resource-list.ts";

type Resources = ReadonlyMap<string, EncodedResource>;

const none = toResourceList([]);
const noResources: Resources = new Map();

function toMap({ resources }: ResourceList): Resources {
  return new Map(resources.map((resource) => [resource.name, resource]));
}

/** All of a proxy's resources. Of lists that `memo` has seen, the same maps. */
export function toResourceSet(
  lists: ReadonlyMap<TypeUrl, readonly ResourceList[]>,
  memo: IdentityMemo,
): ResourceSet {
  const types = new Map<string, { readonly version: string; readonly resources: Resources }>();
  for (const typeUrl of Object.values(typeUrls)) {
    const merged = (lists.get(typeUrl) ?? []).reduce(mergeLists, none);
    types.set(typeUrl, {
      version: merged.version,
      resources: memo.get([merged], "map", () => toMap(merged)),
    });
  }
  const version = contentHash([...types].map(([typeUrl, type]) => `${typeUrl}\n${type.version}`).join("\n"));
  return Object.freeze({
    version,
    ofType: (typeUrl: string) => types.get(typeUrl)?.resources ?? noResources,
    typeVersion: (typeUrl: string) => types.get(typeUrl)?.version ?? none.version,
  });
}
