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
  const versions = new Map<string, string>();
  const maps = new Map<string, ReadonlyMap<string, EncodedResource>>();
  for (const typeUrl of [...types.keys()].sort()) {
    const sorted = new Map([...(types.get(typeUrl) ?? none)].sort(([a], [b]) => (a < b ? -1 : 1)));
    const version = versionOf(sorted);
    versions.set(typeUrl, version);
    maps.set(typeUrl, previous?.typeVersion(typeUrl) === version ? previous.ofType(typeUrl) : sorted);
  }
  return {
    version: contentHash([...versions].join("\n")),
    ofType: (typeUrl) => maps.get(typeUrl) ?? none,
    typeVersion: (typeUrl) => versions.get(typeUrl) ?? noneVersion,
  };
}

const none: ReadonlyMap<string, never> = new Map<string, never>();

function versionOf(resources: ReadonlyMap<string, EncodedResource>): string {
  return contentHash([...resources].map(([name, { version }]) => `${name}\0${version}`).join("\n"));
}

const noneVersion = versionOf(none);
