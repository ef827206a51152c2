import { type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { contentHash, type ObjectRef } from "@weft/base";
import type { EncodedResource, WithheldResource } from "@weft/envoy-api";
import { reasonToReject } from "./check-message.ts";
import { type EncodedPiece, withhold } from "./withhold.ts";

function sameRefs(refs: readonly ObjectRef[]): readonly ObjectRef[] {
  const byKey = new Map(
    refs.map((ref) => [`${ref.apiVersion}/${ref.kind}/${ref.namespace}/${ref.name}`, ref]),
  );
  return [...byKey.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, ref]) => ref);
}

/** The head of a field of bytes: tag and length. */
export function fieldHead(field: number, length: number): Uint8Array {
  return new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(length).finish();
}

/** The whole google.protobuf.Any around the pieces of an encoded message, with its hash. */
export function encodePieces(
  name: string,
  typeUrl: string,
  pieces: readonly Uint8Array[],
  origin: readonly ObjectRef[],
  withheld: readonly WithheldResource[] = [],
): EncodedPiece {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const head = new BinaryWriter().tag(1, WireType.LengthDelimited).string(typeUrl).finish();
  const any = Buffer.concat([head, fieldHead(2, length), ...pieces]);
  let refs: readonly ObjectRef[] | undefined;
  return Object.freeze({
    name,
    typeUrl,
    any,
    version: contentHash(any),
    ...(withheld.length === 0 ? {} : { withheld }),
    // Few are ever asked for, and a table has thousands.
    get origin() {
      refs ??= sameRefs(origin);
      return refs;
    },
  });
}

/** The whole google.protobuf.Any around an encoded message, with its hash. */
export function encodeResource(
  name: string,
  typeUrl: string,
  value: Uint8Array,
  origin: readonly ObjectRef[],
): EncodedResource {
  return encodePieces(name, typeUrl, [value], origin);
}

/** Encodes a message that a proxy takes; withholds one that it would reject. */
export function encodeChecked<Desc extends DescMessage>(
  schema: Desc,
  message: MessageShape<Desc>,
  of: { readonly name: string; readonly typeUrl: string; readonly origin: readonly ObjectRef[] },
): EncodedPiece {
  const reason = reasonToReject(schema, message);
  return reason === undefined
    ? encodeResource(of.name, of.typeUrl, toBinary(schema, message), of.origin)
    : withhold({ ...of, origin: blameOrder(of.origin), reason });
}

/** What an operator wrote for the mesh before the services it is about. */
export function blameOrder(origin: readonly ObjectRef[]): readonly ObjectRef[] {
  const refs = sameRefs(origin);
  const isService = ({ apiVersion }: ObjectRef) => apiVersion === "v1";
  return [...refs.filter((ref) => !isService(ref)), ...refs.filter(isService)];
}
