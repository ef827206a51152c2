import { contentHash } from "@weft/base";
import { type EncodedResource, type ResourceSet, typeUrls } from "@weft/envoy-api";

const none: ReadonlyMap<string, EncodedResource> = new Map();

function hashOf(resources: ReadonlyMap<string, EncodedResource>): string {
  return contentHash([...resources.values()].map(({ name, version }) => `${name}\n${version}`).join("\n"));
}

/** All of a proxy's resources, in the order of their names. The first of two with one name stays. */
export function toResourceSet(resources: readonly EncodedResource[]): ResourceSet {
  const types = new Map<string, Map<string, EncodedResource>>();
  for (const typeUrl of Object.values(typeUrls)) types.set(typeUrl, new Map());
  const sorted = [...resources].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  for (const resource of sorted) {
    const ofType = types.get(resource.typeUrl) ?? new Map<string, EncodedResource>();
    types.set(resource.typeUrl, ofType);
    if (!ofType.has(resource.name)) ofType.set(resource.name, resource);
  }
  const versions = new Map([...types].map(([typeUrl, map]) => [typeUrl, hashOf(map)]));
  const version = contentHash([...versions].map((pair) => pair.join("\n")).join("\n"));
  const noneVersion = hashOf(none);
  return Object.freeze({
    version,
    ofType: (typeUrl: string) => types.get(typeUrl) ?? none,
    typeVersion: (typeUrl: string) => versions.get(typeUrl) ?? noneVersion,
  });
}
