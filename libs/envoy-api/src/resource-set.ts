import type { ObjectRef } from "@weft/base";

/**
 * One xDS resource, encoded once and shared by every stream that sends it.
 * `any` is the whole encoded google.protobuf.Any (type_url and value), ready to be placed in a response.
 */
export interface EncodedResource {
  readonly name: string;
  readonly typeUrl: string;
  readonly any: Uint8Array;
  /** Content hash of `any`; equal content, equal version, on every replica. */
  readonly version: string;
  /** The configuration objects this resource was made from, for status and NACK reports. */
  readonly origin: readonly ObjectRef[];
}

/** A resource, or a part of one, that the proxy would reject: it is not sent. */
export interface WithheldResource {
  readonly typeUrl: string;
  readonly name: string;
  /** Name of the virtual host that is left out of a route table; absent where all of the resource is. */
  readonly part?: string;
  /** What the proxy would say, by paths in the resource. */
  readonly reason: string;
  /** The configuration objects it was made from; the one that is most likely to blame first. */
  readonly origin: readonly ObjectRef[];
}

/** All that one proxy gets, by type URL and name. Frozen once made; equal sets may be the same object. */
export interface ResourceSet {
  /** Content hash over all types. */
  readonly version: string;
  /** The type's resources by name, in name order; an empty map for a type that has none. */
  ofType(typeUrl: string): ReadonlyMap<string, EncodedResource>;
  /** Content hash over one type. */
  typeVersion(typeUrl: string): string;
  /** What is not in the set because it would be rejected; absent where there is nothing of the kind. */
  readonly withheld?: readonly WithheldResource[];
  /**
   * Whether it is known if there is such a resource; without a name, whether the type is known as a whole. A client is not
   * told that there is none of what is not known yet. Absent: all is known. For sets that are filled from elsewhere.
   */
  knows?(typeUrl: string, name?: string): boolean;
}
