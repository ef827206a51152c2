import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { contentHash } from "@weft/base";
import type { EncodedResource, ResourceSet } from "@weft/envoy-api";

/** Encodes the google.protobuf.Any around an encoded message. */
export function encodeAny(typeUrl: string, value: Uint8Array): Uint8Array {
  return new BinaryWriter()
    .tag(1, WireType.LengthDelimited)
    .string(typeUrl)
    .tag(2, WireType.LengthDelimited)
    .bytes(value)
    .finish();
}

/** Makes the {@link EncodedResource} of an encoded message. */
export function encodeResource(name: string, typeUrl: string, value: Uint8Array): EncodedResource {
  const any = encodeAny(typeUrl, value);
  return { name, typeUrl, any, version: contentHash(any), origin: [] };
}

type Resources = ReadonlyMap<string, EncodedResource>;

/**
 * Makes a {@link ResourceSet}. A later resource replaces an earlier one of the same type and name. Types that are equal in
 * `previous` are taken from there, map and all: to tell that nothing changed, a stream then looks no further.
 */
export function createResourceSet(resources: Iterable<EncodedResource>, previous?: ResourceSet): ResourceSet {
  const types = new Map<string, Map<string, EncodedResource>>();
  for (const resource of resources) {
    const names = types.get(resource.typeUrl) ?? new Map<string, EncodedResource>();
    types.set(resource.typeUrl, names.set(resource.name, resource));
  }
  return resourceSetOf(types, previous);
}

/** As {@link createResourceSet}, of resources that are grouped by type already. */
export function resourceSetOf(types: ReadonlyMap<string, Resources>, previous?: ResourceSet): ResourceSet {
  const versions = new Map<string, string>();
  const maps = new Map<string, Resources>();
  for (const typeUrl of [...types.keys()].sort()) {
    const resources = types.get(typeUrl) ?? none;
    const before = previous?.ofType(typeUrl);
    const sorted =
      resources === before ? before : new Map([...resources].sort(([a], [b]) => (a < b ? -1 : 1)));
    const version = resources === before ? (previous?.typeVersion(typeUrl) ?? "") : versionOf(sorted);
    const same = before !== undefined && previous?.typeVersion(typeUrl) === version;
    versions.set(typeUrl, version);
    maps.set(typeUrl, same ? before : sorted);
  }
  return {
    version: contentHash([...versions].join("\n")),
    ofType: (typeUrl) => maps.get(typeUrl) ?? none,
    typeVersion: (typeUrl) => versions.get(typeUrl) ?? noneVersion,
  };
}

const none: ReadonlyMap<string, never> = new Map<string, never>();

function versionOf(resources: Resources): string {
  return contentHash([...resources].map(([name, { version }]) => `${name}\0${version}`).join("\n"));
}

const noneVersion = versionOf(none);
