import { contentHash } from "@weft/base";
import type { EncodedResource, WithheldResource } from "@weft/envoy-api";

/** A resource, with what of it is withheld; without bytes where that is all of it. */
export interface EncodedPiece extends EncodedResource {
  readonly withheld?: readonly WithheldResource[];
}

const nothing = new Uint8Array();

/** Stands in a list for a resource that is not sent, so that a list with it and one without are told apart. */
export function withhold(withheld: WithheldResource): EncodedPiece {
  const { name, typeUrl, origin, reason } = withheld;
  const version = contentHash(`${typeUrl}\n${name}\n${reason}`);
  return Object.freeze({ name, typeUrl, any: nothing, version, origin, withheld: [withheld] });
}

/** Whether there is something to send. */
export function isSent({ any }: EncodedResource): boolean {
  return any.length > 0;
}

/** All that is withheld of these. */
export function withheldOf(resources: readonly EncodedPiece[]): readonly WithheldResource[] {
  return resources.flatMap(({ withheld }) => withheld ?? []);
}
